"""Faults as a client meets them, and when they come."""

import json
from collections.abc import Iterator
from contextlib import suppress
from time import perf_counter

import openai
import pytest
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import ValidationError

from prompts.attributes import Extract, Summarize
from prompts.gradient import CreditAssignment
from prompts.merge import Merge
from prompts.optimize import OptimizedFilterMemory, OptimizedProfile, OptimizedRouter
from prompts.peer_messages import AddressClients, ChooseRecipients, WriteMessage
from prompts.predict import Predict
from prompts.rank import Rank
from prompts.registry import PROMPTS
from prompts.template import Reply
from tests.support.model_server.draws import Draws
from tests.support.model_server.faults import OF_TRANSPORT, Fault, decoy, spoiled
from tests.support.model_server.serving import RunningServer, serving
from tests.support.model_server.settings import Means, ModelServerSettings
from tests.support.model_server_clients import (
    ask,
    asked_again,
    chat_model,
    client,
    in_process,
    outcome,
    prompt,
    request,
)

GOOD = in_process(prompt()).text
OF_TEXT = sorted(frozenset(Fault) - OF_TRANSPORT)
REPLIES: tuple[Reply, ...] = (
    Extract.model_validate({"attributes": ["folk rock", "piano"]}),
    Summarize.model_validate({"profile": "Likes folk rock."}),
    Merge.model_validate(
        {
            "profile": "Enjoys: jazz.",
            "filter_decisions": [
                {"message": "message 1", "accepted": True, "rule": "", "reason": "It fits."}
            ],
        }
    ),
    ChooseRecipients.model_validate({"reason": "Both like jazz.", "recipients": ["client 1"]}),
    WriteMessage.model_validate({"message": "Likes jazz."}),
    AddressClients.model_validate({"message": "Likes jazz.", "recipients": ["client 1"]}),
    Predict.model_validate({"reason": "It fits.", "choice": "A"}),
    CreditAssignment.model_validate(
        {"gradients": [{"module": "user profile", "involved": True, "suggestion": "Keep: jazz."}]}
    ),
    OptimizedProfile.model_validate({"profile": "Enjoys: jazz."}),
    OptimizedFilterMemory.model_validate({"rules": ["Keep out techno."]}),
    OptimizedRouter.model_validate(
        {"action": "rewrite", "reason": "Told so.", "profiles": ["Likes jazz."], "partner": ""}
    ),
    Rank.model_validate({"ranking": [{"name": name, "reason": "It fits."} for name in "AB"]}),
)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(running: RunningServer) -> RunningServer:
    running.settings = ModelServerSettings()
    return running


def only(kind: Fault, **more: float | None) -> ModelServerSettings:
    """Return settings under which every reply has one fault."""
    return ModelServerSettings.model_validate(
        {"faults": 1.0, "kinds": {kind}, "in_a_row": None, **more}
    )


async def test_busy_asks_to_wait(endpoint: RunningServer) -> None:
    async with client(endpoint.url) as opened:
        for seconds, told in ((0, "0"), (0.5, "0.5"), (3, "3")):
            endpoint.settings = only(Fault.BUSY, retry_after=seconds)
            with pytest.raises(openai.RateLimitError) as error:
                await ask(opened)
            assert error.value.response.headers["retry-after"] == told
            assert error.value.code == "rate_limit_exceeded"


async def test_a_server_error_is_one(endpoint: RunningServer) -> None:
    endpoint.settings = only(Fault.SERVER_ERROR)
    async with client(endpoint.url) as opened:
        with pytest.raises(openai.InternalServerError):
            await ask(opened)


async def test_a_dropped_connection_is_lost_and_the_next_one_works(endpoint: RunningServer) -> None:
    async with client(endpoint.url) as opened:
        assert (await ask(opened)).choices  # the same connection, kept alive
        endpoint.settings = only(Fault.DROPPED)
        with pytest.raises(openai.APIConnectionError) as error:
            await ask(opened)
        assert not isinstance(error.value, openai.APITimeoutError)
        endpoint.settings = ModelServerSettings()
        assert (await ask(opened)).choices


async def test_a_hanging_reply_comes_late_and_sound(endpoint: RunningServer) -> None:
    endpoint.settings = only(Fault.HANG, hang=0.3)
    start = perf_counter()
    async with client(endpoint.url) as opened:
        reply = await ask(opened)
        assert perf_counter() - start >= 0.3
        assert reply.choices[0].message.content == GOOD
    async with client(endpoint.url, timeout=0.05) as opened:
        with pytest.raises(openai.APITimeoutError):
            await ask(opened)


@pytest.mark.parametrize("kind", sorted(OF_TRANSPORT))
async def test_embeddings_know_the_faults_of_transport(
    endpoint: RunningServer, kind: Fault
) -> None:
    endpoint.settings = only(kind, hang=0.01)
    before = endpoint.counts.faults.get(kind, 0)
    async with client(endpoint.url) as opened:
        with suppress(openai.APIError):
            reply = await opened.embeddings.create(model="offline", input="jazz")
            assert kind is Fault.HANG
            assert len(reply.data) == 1
    assert endpoint.counts.faults[kind] == before + 1


async def test_embeddings_know_no_faults_of_a_text(endpoint: RunningServer) -> None:
    endpoint.settings = ModelServerSettings(faults=1.0, kinds=frozenset(OF_TEXT), in_a_row=None)
    async with client(endpoint.url) as opened:
        assert (await opened.embeddings.create(model="offline", input="jazz")).data


@pytest.mark.parametrize("means", Means)
@pytest.mark.parametrize("kind", OF_TEXT)
async def test_a_faulty_text_comes_where_the_good_one_would(
    endpoint: RunningServer, kind: Fault, means: Means
) -> None:
    endpoint.settings = only(kind)
    async with client(endpoint.url) as opened:
        choice = (await ask(opened, means=means)).choices[0]
    in_tool = means is Means.FUNCTION_CALLING and kind not in (Fault.PROSE, Fault.THINK)
    if in_tool:
        assert choice.message.tool_calls is not None
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        text: str | None = call.function.arguments
    else:
        assert choice.message.tool_calls is None
        text = choice.message.content
    assert text == spoiled(GOOD, kind)
    usual = "tool_calls" if in_tool else "stop"
    assert choice.finish_reason == ("length" if kind is Fault.TRUNCATED else usual)


async def test_langchain_sees_invalid_arguments_as_such(endpoint: RunningServer) -> None:
    endpoint.settings = only(Fault.INVALID_JSON)
    asked = request(Means.FUNCTION_CALLING, prompt())
    messages, _ = asked.pop("messages"), asked.pop("model")
    async with chat_model(endpoint.url) as model:
        reply = await model.bind(**asked).ainvoke(messages)
    assert isinstance(reply, AIMessage)
    assert not reply.tool_calls
    assert len(reply.invalid_tool_calls) == 1


def test_every_reply_of_the_catalogue_is_tried() -> None:
    assert {type(reply) for reply in REPLIES} == {prompt.reply for prompt in PROMPTS}


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_a_spoiled_text_is_what_its_kind_says(reply: Reply) -> None:
    good = reply.model_dump_json()
    for kind in OF_TEXT:
        with pytest.raises(ValidationError):
            type(reply).model_validate_json(spoiled(good, kind))
    assert isinstance(json.loads(spoiled(good, Fault.WRONG_SHAPE)), dict)
    for kind in (Fault.INVALID_JSON, Fault.TRUNCATED):
        with pytest.raises(json.JSONDecodeError):
            json.loads(spoiled(good, kind))
    prose = spoiled(good, Fault.PROSE)
    assert good in prose[1:-1]
    assert not prose.startswith(good)
    thought, _, answer = spoiled(good, Fault.THINK).partition("</think>")
    assert thought.startswith("<think>")
    assert answer.strip() == good
    assert good not in thought
    assert decoy(good) in thought
    assert type(reply).model_validate_json(decoy(good)) != reply


def test_a_decoy_would_change_what_follows() -> None:
    """A client that took it for the answer would choose, and rank, the other way round."""
    choice = Predict.model_validate({"reason": "It fits.", "choice": "A"})
    assert Predict.model_validate_json(decoy(choice.model_dump_json())).choice == "B"
    ranking = REPLIES[-1].model_dump_json()
    assert [entry.name for entry in Rank.model_validate_json(decoy(ranking)).ranking] == ["B", "A"]


async def outcomes(
    settings: ModelServerSettings, calls: list[list[BaseMessage]]
) -> dict[str, list[str]]:
    """Return, by call, how its requests went on a server of their own."""
    found: dict[str, list[str]] = {}
    with serving(settings) as endpoint:
        async with client(endpoint.url) as opened:
            for messages in calls:
                found.setdefault(messages[1].text, []).append(await outcome(opened, messages))
    return found


async def test_faults_do_not_depend_on_the_order_of_arrival() -> None:
    calls = [prompt(f"taste {number}") for number in range(12)] * 4
    settings = ModelServerSettings(faults=0.5, seed=3, hang=0, in_a_row=None)
    first = await outcomes(settings, calls)
    assert await outcomes(settings, sorted(calls, key=lambda call: call[1].text)) == first
    assert len({tuple(found) for found in first.values()}) > 6  # each call has its own
    other = settings.model_copy(update={"seed": 4})
    assert await outcomes(other, calls) != first


@pytest.mark.parametrize("means", [Means.JSON_SCHEMA, Means.TEXT])
async def test_asking_again_with_messages_appended_is_the_same_call(means: Means) -> None:
    busy = ModelServerSettings(faults=1.0, kinds=frozenset({Fault.BUSY}), in_a_row=2)
    messages, found = prompt(), []
    with serving(busy) as endpoint:
        async with client(endpoint.url) as opened:
            for _ in range(6):
                found.append(await outcome(opened, messages, means))
                messages = asked_again(messages)
    assert found == ["429", "429", GOOD] * 2


def test_the_share_is_kept_and_every_kind_comes() -> None:
    draws = Draws()
    settings = ModelServerSettings(faults=0.3, in_a_row=None)
    drawn = [draws.draw(f"{n}".encode(), frozenset(Fault), settings) for n in range(4_000)]
    assert 0.27 < sum(fault is not None for fault in drawn) / len(drawn) < 0.33
    assert {fault for fault in drawn if fault} == set(Fault)


@pytest.mark.parametrize("bound", [1, 2, 3, None])
def test_faults_in_a_row_are_bounded(bound: int | None) -> None:
    draws = Draws()
    settings = ModelServerSettings(faults=1.0, in_a_row=bound)
    drawn = [draws.draw(b"call", frozenset(Fault), settings) is not None for _ in range(12)]
    period = [True] * (bound or 12) + [False]
    assert drawn == (period * 12)[:12]


def test_a_bound_that_is_set_later_holds_at_once() -> None:
    draws = Draws()
    kinds = frozenset(Fault)
    unbound, bound = (ModelServerSettings(faults=1.0, in_a_row=most) for most in (None, 2))
    for _ in range(5):
        assert draws.draw(b"call", kinds, unbound)
    assert draws.draw(b"call", kinds, bound) is None


def test_no_share_and_no_kind_give_no_fault() -> None:
    draws = Draws()
    kinds = frozenset(Fault)
    for settings in (ModelServerSettings(), ModelServerSettings(faults=1.0, kinds=frozenset())):
        assert {draws.draw(b"call", kinds, settings) for _ in range(100)} == {None}
