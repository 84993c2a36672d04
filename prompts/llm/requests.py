"""One request for a reply: the limiter, the budget, the means of structured output, the retries."""

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_core.messages import BaseMessage

from prompts.llm.budget import Budget
from prompts.llm.call_usage import CallUsage
from prompts.llm.errors import BudgetExceeded, ModelError
from prompts.llm.limiter import CallLimiter, CallSlot
from prompts.llm.models import Endpoint
from prompts.llm.parsing import Raw, split_thoughts, take_apart
from prompts.llm.retries import (
    fatal,
    is_failure,
    mask,
    of_openai,
    retrying,
    what_was_said,
    without_secrets,
)
from prompts.llm.structured_output import Means, Model, bind_reply, names_means, word_schema
from prompts.offline.model import CHARACTERS_A_TOKEN
from prompts.template import Reply

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion


class Requests:
    """Sends requests to endpoints; the one place where they are retried.

    `tries` bounds the requests for one reply, `wait` is the first pause between two of them in
    seconds.
    """

    def __init__(self, *, limiter: CallLimiter, budget: Budget, tries: int, wait: float) -> None:
        self._limiter = limiter
        self._budget = budget
        self._tries = tries
        self._wait = wait

    async def send(
        self, messages: list[BaseMessage], reply: type[Reply], tally: CallUsage, place: CallSlot
    ) -> tuple[Raw, Means]:
        """Return what the endpoint sent, and the means it was asked by.

        Raises:
            ReplyError: the endpoint kept failing in ways that may pass.
            BudgetExceeded: the budget is spent, and stops this call.
            ModelError: it cannot be used, or cannot be reached.
        """
        endpoint = tally.endpoint
        while True:
            means = endpoint.structured.means
            try:
                raw: Raw = await retrying(endpoint.name, self._tries, self._wait)(
                    self._request, messages, reply, means, tally, place
                )
            except Exception as error:
                if isinstance(error, TypeError) and "unexpected keyword" in str(error):
                    said = without_secrets(str(error), endpoint.model)
                    raise ModelError(f"{endpoint.name}: RECNET_MODEL_OPTIONS: {said}") from None
                if not is_failure(error):
                    raise
                said, status = what_was_said(error, endpoint.model)
                if not endpoint.structured.refused(means, said, status):
                    # The cause is cut off: a provider's own text may quote the key.
                    if names_means(means, said, status):
                        raise _refused(endpoint, means, said) from None
                    raise fatal(
                        error, tally.prompt, endpoint.name, endpoint.model, endpoint.origin
                    ) from None
                tally.faults["unsupported"] += 1
            else:
                return raw, means

    async def _request(
        self,
        messages: list[BaseMessage],
        reply: type[Reply],
        means: Means,
        tally: CallUsage,
        place: CallSlot,
    ) -> Raw:
        model = bind_reply(tally.endpoint.model, means, reply)
        asked = word_schema(messages, means, reply)
        characters = sum(len(message.text) for message in asked)
        try:
            async with place.request(characters // CHARACTERS_A_TOKEN):
                if tally.stops:
                    self._budget.require()
                return await self._sent(model, asked, tally)
        except BudgetExceeded:
            # Whoever raises first has its siblings cancelled, and their requests are paid for.
            await self._limiter.rest()
            raise

    async def _sent(self, model: Model, asked: list[BaseMessage], tally: CallUsage) -> Raw:
        endpoint = tally.endpoint
        self._budget.count()
        async with tally.attempt(endpoint.parameters.timeout):
            raw = await self._answer(model, asked, tally)
        # Whatever an endpoint echoes, no key is stored.
        parts = (raw.thoughts, raw.text, raw.refusal)
        thoughts, text, refusal = (mask(part, endpoint.model) for part in parts)
        tally.thoughts.append(thoughts)
        return replace(raw, thoughts=thoughts, text=text, refusal=refusal)

    async def _answer(self, model: Model, asked: list[BaseMessage], tally: CallUsage) -> Raw:
        try:
            message = await model.ainvoke(asked, config={"run_name": tally.prompt})
        except of_openai("LengthFinishReasonError") as cut:
            return self._cut(cut, "length", tally)
        except of_openai("ContentFilterFinishReasonError") as cut:
            return self._cut(cut, "content_filter", tally)
        if usage := message.usage_metadata:
            self._spend(tally, usage["input_tokens"], usage["output_tokens"])
        return take_apart(message)

    def _cut(self, cut: Exception, finish: str, tally: CallUsage) -> Raw:
        """Return what there is of a reply that the openai library refused to parse."""
        completion: ChatCompletion | None = getattr(cut, "completion", None)
        if completion is None:
            return Raw("", "", finish)
        if usage := completion.usage:
            self._spend(tally, usage.prompt_tokens, usage.completion_tokens)
        return Raw(*split_thoughts(completion.choices[0].message.content or ""), finish)

    def _spend(self, tally: CallUsage, input_tokens: int, output_tokens: int) -> None:
        money = tally.spend(input_tokens, output_tokens)
        self._budget.spend(input_tokens + output_tokens, money)


def _refused(endpoint: Endpoint, means: Means, said: str) -> ModelError:
    return ModelError(
        f"{endpoint.name}: the endpoint takes no {means} ({said}); set RECNET_STRUCTURED_OUTPUT to "
        "auto or another one"
    )
