"""One request for a reply: the limiter, the budget, the mode of structured output, the retries."""

from dataclasses import replace

from langchain_core.messages import BaseMessage

from prompts.llm.budget import Budget
from prompts.llm.call_usage import CallUsage
from prompts.llm.error_messages import call_error, error_detail, mask, without_secrets
from prompts.llm.errors import BudgetExceeded, ModelError
from prompts.llm.limiter import CallLimiter, CallSlot
from prompts.llm.parsing import Raw, read_message, split_thoughts
from prompts.llm.retries import is_failure, retry_policy, status_of
from prompts.llm.structured_output import Mode, Model, add_schema, bind_reply, is_about_mode
from prompts.offline.model import CHARACTERS_A_TOKEN
from prompts.template import Reply

_CUT = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}
"""What the openai library raises in place of a reply that is not whole, by the finish reason."""


class Requests:
    """Sends requests to endpoints; the one place where they are retried.

    `attempts` bounds the requests for one reply, `wait` is the first pause between two of them in
    seconds.
    """

    def __init__(self, *, limiter: CallLimiter, budget: Budget, attempts: int, wait: float) -> None:
        self._limiter = limiter
        self._budget = budget
        self._attempts = attempts
        self._wait = wait

    async def send(
        self, messages: list[BaseMessage], reply: type[Reply], usage: CallUsage, slot: CallSlot
    ) -> tuple[Raw, Mode]:
        """Return what the endpoint sent, and the mode in which it was asked.

        Raises:
            ReplyError: the endpoint kept failing in ways that may pass.
            BudgetExceeded: the budget is spent, and stops this call.
            ModelError: the endpoint cannot be used, or cannot be reached.
        """
        endpoint = usage.endpoint
        policy = retry_policy(endpoint.name, self._attempts, self._wait)
        while True:
            mode = endpoint.structured.mode
            try:
                return await policy(self._request, messages, reply, mode, usage, slot), mode
            except Exception as error:
                # Causes are cut off: a provider's own text may quote the key.
                if isinstance(error, TypeError) and "unexpected keyword" in str(error):
                    said = without_secrets(str(error), endpoint.model)
                    raise ModelError(f"{endpoint.name}: RECNET_MODEL_OPTIONS: {said}") from None
                if not is_failure(error):
                    raise
                detail, status = error_detail(error, endpoint.model), status_of(error)
                if not endpoint.structured.refused(mode, detail, status):
                    if is_about_mode(mode, detail, status):
                        raise ModelError(
                            f"{endpoint.name}: the endpoint does not support {mode} ({detail}); "
                            "set RECNET_STRUCTURED_OUTPUT to auto or to another mode"
                        ) from None
                    raise call_error(
                        error, usage.prompt, endpoint.name, endpoint.model, endpoint.names
                    ) from None
                usage.faults["unsupported"] += 1

    async def _request(
        self,
        messages: list[BaseMessage],
        reply: type[Reply],
        mode: Mode,
        usage: CallUsage,
        slot: CallSlot,
    ) -> Raw:
        model = bind_reply(usage.endpoint.model, mode, reply)
        asked = add_schema(messages, mode, reply)
        tokens = sum(len(message.text) for message in asked) // CHARACTERS_A_TOKEN
        try:
            async with slot.request(tokens):
                if usage.stops:
                    self._budget.require()
                self._budget.count()
                async with usage.attempt(usage.endpoint.parameters.timeout):
                    raw = await self._invoke(model, asked, usage)
        except BudgetExceeded:
            # The error cancels sibling calls, and their requests are paid for: let them end first.
            await self._limiter.wait_idle()
            raise
        # Whatever an endpoint echoes, no key is stored.
        parts = (raw.thoughts, raw.text, raw.refusal)
        thoughts, text, refusal = (mask(part, usage.endpoint.model) for part in parts)
        usage.thoughts.append(thoughts)
        return replace(raw, thoughts=thoughts, text=text, refusal=refusal)

    async def _invoke(self, model: Model, asked: list[BaseMessage], usage: CallUsage) -> Raw:
        try:
            message = await model.ainvoke(asked, config={"run_name": usage.prompt})
        except Exception as error:
            if (finish := _CUT.get(type(error).__name__)) is None:
                raise
            return self._read_cut(error, finish, usage)
        if tokens := message.usage_metadata:
            self._spend(usage, tokens["input_tokens"], tokens["output_tokens"])
        return read_message(message)

    def _read_cut(self, error: Exception, finish: str, usage: CallUsage) -> Raw:
        """Return what there is of a reply that the openai library refused to parse."""
        completion = getattr(error, "completion", None)
        if completion is None:
            return Raw("", "", finish)
        if tokens := completion.usage:
            self._spend(usage, tokens.prompt_tokens, tokens.completion_tokens)
        return Raw(*split_thoughts(completion.choices[0].message.content or ""), finish)

    def _spend(self, usage: CallUsage, input_tokens: int, output_tokens: int) -> None:
        money = usage.spend(input_tokens, output_tokens)
        self._budget.spend(input_tokens + output_tokens, money)
