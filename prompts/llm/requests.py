"""One request for a reply: the limiter, the budget, the mode of structured output, the retries."""

from dataclasses import dataclass, replace

from langchain_core.messages import BaseMessage
from tenacity import AsyncRetrying

from prompts.llm.budget import Budget
from prompts.llm.call_usage import CallUsage
from prompts.llm.error_messages import call_error, error_detail, mask, without_secrets
from prompts.llm.errors import BudgetExceeded, ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import Endpoint
from prompts.llm.parsing import Raw, read_message, split_thoughts
from prompts.llm.retries import is_failure, status_of
from prompts.llm.structured_output import Mode, Model, add_schema, bind_reply, is_about_mode
from prompts.llm.tokens import estimate_tokens
from prompts.template import Reply

_CUT = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}
"""What the openai library raises in place of a reply that is not whole, by the finish reason."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Sends the requests of one call; the one place where they are retried."""

    endpoint: Endpoint
    usage: CallUsage
    limiter: CallLimiter
    budget: Budget
    retries: AsyncRetrying
    stops: bool
    """Whether the budget may stop the call."""

    async def send(self, messages: list[BaseMessage], reply: type[Reply]) -> tuple[Raw, Mode]:
        """Return what the endpoint sent, and the mode in which it was asked.

        Raises:
            ReplyError: the endpoint kept failing in ways that may pass.
            BudgetExceeded: the budget is spent, and stops this call.
            ModelError: the endpoint cannot be used, or cannot be reached.
        """
        name, model, structured = self.endpoint.name, self.endpoint.model, self.endpoint.structured
        while True:
            mode = structured.mode
            try:
                return await self.retries(self._request, messages, reply, mode), mode
            except Exception as error:
                # Causes are cut off: a provider's own text may quote the key.
                if isinstance(error, TypeError) and "unexpected keyword" in str(error):
                    said = without_secrets(str(error), model)
                    raise ModelError(f"{name}: RECNET_MODEL_OPTIONS: {said}") from None
                if not is_failure(error):
                    raise
                detail, status = error_detail(error, model), status_of(error)
                if not structured.refused(mode, detail, status):
                    if is_about_mode(mode, detail, status):
                        raise ModelError(
                            f"{name}: the endpoint does not support {mode} ({detail}); "
                            "set RECNET_STRUCTURED_OUTPUT to auto or to another mode"
                        ) from None
                    names = self.endpoint.names
                    raise call_error(error, self.usage.prompt, name, model, names) from None
                self.usage.faults["unsupported"] += 1

    async def _request(self, messages: list[BaseMessage], reply: type[Reply], mode: Mode) -> Raw:
        model = bind_reply(self.endpoint.model, mode, reply)
        asked = add_schema(messages, mode, reply)
        tokens = estimate_tokens(*(message.text for message in asked))
        try:
            async with self.limiter.request(tokens):
                if self.stops:
                    self.budget.require()
                self.budget.calls += 1
                async with self.usage.attempt(self.endpoint.parameters.timeout):
                    raw = await self._invoke(model, asked)
        except BudgetExceeded:
            # The error cancels sibling calls, and their requests are paid for: let them end first.
            await self.limiter.wait_idle()
            raise
        # Whatever an endpoint echoes, no key is stored.
        parts = (raw.thoughts, raw.text, raw.refusal)
        thoughts, text, refusal = (mask(part, self.endpoint.model) for part in parts)
        self.usage.thoughts.append(thoughts)
        return replace(raw, thoughts=thoughts, text=text, refusal=refusal)

    async def _invoke(self, model: Model, asked: list[BaseMessage]) -> Raw:
        try:
            message = await model.ainvoke(asked, config={"run_name": self.usage.prompt})
        except Exception as error:
            if (finish := _CUT.get(type(error).__name__)) is None:
                raise
            return self._read_cut(error, finish)
        if tokens := message.usage_metadata:
            self._spend(tokens["input_tokens"], tokens["output_tokens"])
        return read_message(message)

    def _read_cut(self, error: Exception, finish: str) -> Raw:
        """Return what there is of a reply that the openai library refused to parse."""
        completion = getattr(error, "completion", None)
        if completion is None:
            return Raw("", "", finish)
        if tokens := completion.usage:
            self._spend(tokens.prompt_tokens, tokens.completion_tokens)
        return Raw(*split_thoughts(completion.choices[0].message.content or ""), finish)

    def _spend(self, input_tokens: int, output_tokens: int) -> None:
        cost = self.endpoint.cost(input_tokens, output_tokens)
        self.usage.spend(input_tokens, output_tokens, cost)
        self.budget.spend(input_tokens + output_tokens, cost or 0.0)
