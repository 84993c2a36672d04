"""The one way to call a model: budget, request, retries, reply, asking again, metering."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import openai
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema
from openai.types.chat import ChatCompletion

from prompts.budget import Budget
from prompts.errors import ReplyError
from prompts.failures import explain, is_failure, retrying
from prompts.reply import UnusableError, read_reply
from prompts.template import Fields, Prompt, Reply, Templates
from state.domain import Call, CallOutcome

F = TypeVar("F", bound=Fields)
R = TypeVar("R", bound=Reply)
Model = Runnable[LanguageModelInput, AIMessage]

_QUOTED = 2_000
"""Characters of a bad reply that are shown to the model again."""


Meter = Callable[[Call], Awaitable[None]]


@dataclass(slots=True)
class _Tally:
    """What an `ask` has cost so far."""

    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    outcome: CallOutcome = "failed"


class Caller:
    """Asks one model for the replies of prompts; shared by everything that runs in a process.

    `asks` bounds how often a reply is asked for, `tries` the requests for each of them, `wait` is
    the first pause between two tries in seconds, `in_flight` the requests under way at once in one
    event loop. The model's own retries must be off, or they multiply.
    """

    def __init__(
        self,
        model: BaseChatModel,
        templates: Templates,
        *,
        model_name: str,
        asks: int = 3,
        tries: int = 5,
        wait: float = 1.0,
        in_flight: int = 8,
        budget: Budget | None = None,
    ) -> None:
        self.model_name = model_name
        self._model = model
        self._templates = templates
        self._asks = asks
        self._tries = tries
        self._wait = wait
        self._in_flight = in_flight
        self._budget = budget or Budget()
        # A semaphore belongs to the loop it first waited in, and a process may run several.
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def ask(
        self,
        prompt: Prompt[F, R],
        fields: F,
        *,
        words: dict[str, str],
        meter: Meter,
        check: Callable[[R], None] | None = None,
    ) -> R:
        """Return the validated reply to `prompt`; `meter` receives one `Call`, also on a failure.

        `check` says by ValueError what is wrong with a reply of the right shape; its text goes back
        to the model.

        Raises:
            ReplyError: the reply stayed bad.
            BudgetExceeded: the next request would go beyond the budget.
            ModelError: the endpoint cannot be used, or kept failing.
        """
        tally = _Tally()
        messages = self._templates.messages(prompt, fields, words)
        try:
            reply = await self._settle(prompt, messages, check, tally)
            tally.outcome = "ok"
            return reply
        except ReplyError:
            tally.outcome = "bad_reply"
            raise
        finally:
            # Cancelled calls too: a call made is a call paid.
            await meter(self._call(prompt.name, tally))

    async def _settle(
        self,
        prompt: Prompt[F, R],
        messages: list[BaseMessage],
        check: Callable[[R], None] | None,
        tally: _Tally,
    ) -> R:
        model = self._model.bind(response_format=_response_format(prompt.reply))
        reason = ""
        for _ in range(self._asks):
            try:
                message = await self._send(model, messages, prompt.name, tally)
                return read_reply(message, prompt.reply, check)
            except UnusableError as bad:
                reason = bad.reason
                messages = [*messages, *_again(bad)]
        raise ReplyError(prompt.name, reason)

    async def _send(
        self, model: Model, messages: list[BaseMessage], name: str, tally: _Tally
    ) -> AIMessage:
        """Return the raw reply; the one place where requests are retried."""
        try:
            return await retrying(self._tries, self._wait)(
                self._request, model, messages, name, tally
            )
        except Exception as error:
            if not is_failure(error):
                raise
            # The cause is cut off: a provider's own text may quote the key.
            raise explain(error, self.model_name, self._model, "RECNET_MODEL") from None

    async def _request(
        self, model: Model, messages: list[BaseMessage], name: str, tally: _Tally
    ) -> AIMessage:
        async with self._slot():
            self._budget.take()
            tally.attempts += 1
            start = perf_counter()
            try:
                message = await model.ainvoke(messages, config={"run_name": name})
            except openai.LengthFinishReasonError as cut:
                self._spend(tally, *_usage_of(cut.completion))
                raise _stopped(cut.completion, "it was cut off at the token limit") from cut
            except openai.ContentFilterFinishReasonError as cut:
                self._spend(tally, *_usage_of(cut.completion))
                raise _stopped(cut.completion, "the endpoint's content filter cut it") from cut
            finally:
                tally.seconds += perf_counter() - start
        if usage := message.usage_metadata:
            self._spend(tally, usage["input_tokens"], usage["output_tokens"])
        return message

    def _spend(self, tally: _Tally, input_tokens: int, output_tokens: int) -> None:
        tally.input_tokens += input_tokens
        tally.output_tokens += output_tokens
        self._budget.spend(input_tokens + output_tokens)

    def _slot(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if loop not in self._slots:
            self._slots[loop] = asyncio.Semaphore(self._in_flight)
        return self._slots[loop]

    def _call(self, prompt: str, tally: _Tally) -> Call:
        return Call(
            prompt=prompt,
            model=self.model_name,
            attempts=tally.attempts,
            input_tokens=tally.input_tokens,
            output_tokens=tally.output_tokens,
            seconds=tally.seconds,
            outcome=tally.outcome,
        )


@cache
def _response_format(reply: type[Reply]) -> dict[str, Any]:
    """Return the request for structured output; its name is the name of the reply class."""
    schema = convert_to_json_schema(reply, strict=True)
    return {
        "type": "json_schema",
        "json_schema": {"name": reply.__name__, "schema": schema, "strict": True},
    }


def _again(bad: UnusableError) -> list[BaseMessage]:
    return [
        AIMessage(bad.text[:_QUOTED] or "(nothing)"),
        HumanMessage(
            f"This reply cannot be used: {bad.reason}\n"
            "Reply again with one JSON object that fits the schema, and nothing else."
        ),
    ]


def _usage_of(completion: ChatCompletion | None) -> tuple[int, int]:
    usage = completion.usage if completion else None
    return (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)


def _stopped(completion: ChatCompletion | None, reason: str) -> UnusableError:
    text = (completion.choices[0].message.content or "") if completion else ""
    return UnusableError(text, reason)
