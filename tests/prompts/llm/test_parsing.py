"""From what endpoints send to a reply: thoughts, prose, fences, tool calls, and what is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.llm.errors import ReplyError
from prompts.llm.parsing import Raw, UnfitError, UnusableError, parse_reply, split_thoughts
from prompts.llm.structured_output import schema_of
from prompts.predict import PREDICT, Option, Predict, PredictFields
from prompts.registry import PROMPTS
from prompts.template import Fields, Prompt, Reply, Templates
from state.domain import Fault
from tests.support.greet_prompt import GOOD, GreetClient, Greeting, greet_client
from tests.support.scripted_server import Answer

DECOY = json.dumps({"text": "Go away", "warmth": -3})
HELLO = Greeting(text="Hello", warmth=3)


async def faults_of(*answers: Answer, **options: Any) -> tuple[dict[Fault, int], GreetClient]:  # noqa: ANN401
    """Ask until a good reply comes, and return what was counted on the way."""
    async with greet_client(*answers, Answer(text=GOOD), **options) as b:
        assert await b.ask() == HELLO
    return b.call.faults, b


@pytest.mark.parametrize(
    ("text", "thoughts"),
    [
        (f"<think>Is it {DECOY}?</think>{GOOD}", f"Is it {DECOY}?"),
        (f"Maybe {DECOY}.\n</think>\n{GOOD}", f"Maybe {DECOY}."),
        (f"<think>one {DECOY}</think>\n<think>two</think> {GOOD}", f"one {DECOY}\ntwo"),
        (f"Well. <think>one {DECOY}</think> {GOOD}", f"Well. one {DECOY}"),
        (f"<think>\n\n</think>\n\n{GOOD}", ""),
        (f"<think>hm</think>Here:\n```json\n{GOOD}\n```", "hm"),
    ],
)
async def test_thoughts_are_recorded_and_no_draft_in_them_is_the_answer(
    text: str, thoughts: str
) -> None:
    faults, b = await faults_of(Answer(text=text))
    assert (faults, b.call.attempts, b.call.thoughts) == ({}, 1, thoughts)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(text=f"<think>Is it {DECOY}", finish="length"), "truncated"),
        (Answer(text=f"<think>Is it {DECOY}"), "empty"),
        (Answer(text=f"{DECOY}, or not?</think>{GOOD}"), "invalid_json"),
        (Answer(text=f"```json\n{DECOY}\n```\nNo:\n```json\n{GOOD}\n```"), "invalid_json"),
    ],
)
async def test_a_draft_alone_is_asked_for_again(answer: Answer, fault: Fault) -> None:
    faults, b = await faults_of(answer)
    assert (faults, b.call.attempts) == ({fault: 1}, 2)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(text=f"{DECOY}, or not?</think>{GOOD[:-8]}", finish="length"),
        Answer(text=f"Draft: {DECOY}\nFinal: {GOOD[:-8]}", finish="length"),
        Answer(text=f"Okay. <think>Is it {DECOY}", finish="length"),
    ],
)
async def test_a_draft_before_a_truncated_answer_is_not_used(answer: Answer) -> None:
    faults, _ = await faults_of(answer)
    assert faults == {"truncated": 1}


async def test_separate_thoughts_are_recorded() -> None:
    _, b = await faults_of(Answer(text=GOOD, reasoning="Ada likes jazz."))
    assert b.call.thoughts == "Ada likes jazz."


async def test_thoughts_of_all_replies_are_recorded() -> None:
    _, b = await faults_of(Answer(text="<think>one</think>no"), Answer(text="<think>two</think>"))
    assert b.call.thoughts == "one\n\ntwo"


@pytest.mark.parametrize(
    "text",
    [
        f"Sure, this is it:\n\n{GOOD}\n\nI hope that it helps!",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"{GOOD}\n\nThat is: {GOOD}",
        f"Of {{curly}} braces: {GOOD}",
        json.dumps(json.loads(GOOD), indent=4),
        f"\ufeff{GOOD}",
    ],
)
async def test_text_around_the_answer_is_ignored(text: str) -> None:
    faults, _ = await faults_of(Answer(text=text))
    assert faults == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{GOOD} or {DECOY}", "invalid_json"),
        (f"Either {GOOD} or {DECOY}", "invalid_json"),
        (GOOD.removesuffix("}") + ",}", "invalid_json"),
        (json.dumps({"answer": json.loads(GOOD)}) + "}", "wrong_shape"),
        (f'{{"answer": {GOOD}, oops}}', "invalid_json"),
        (f"[{GOOD}, {DECOY}]", "wrong_shape"),
        ('{"a":' * 100_000, "invalid_json"),
        ("so " + '{"a":' * 5_000, "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("{" * 100_000, "invalid_json"),
        ("null", "wrong_shape"),
        (json.dumps({"text": 5, "warmth": "hot"}), "wrong_shape"),
    ],
    ids=range(12),
)
async def test_a_reply_without_an_answer_is_asked_for_again(text: str, fault: Fault) -> None:
    faults, _ = await faults_of(Answer(text=text))
    assert faults == {fault: 1}


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        (Answer(arguments=GOOD, finish="tool_calls"), {}),
        (Answer(text=GOOD), {}),
        (Answer(text=f"<think>{DECOY}</think>{GOOD}"), {}),
        (Answer(arguments=GOOD[:-5]), {"invalid_json": 1}),
        (Answer(arguments=GOOD[:-5], finish="length"), {"truncated": 1}),
        (Answer(arguments="{}"), {"wrong_shape": 1}),
        (Answer(arguments=""), {"wrong_shape": 1}),
        (Answer(text="I would rather talk."), {"invalid_json": 1}),
        (Answer(text=""), {"empty": 1}),
    ],
)
async def test_a_function_call_is_read_and_text_in_its_place_too(
    answer: Answer, faults: dict[Fault, int]
) -> None:
    assert (await faults_of(answer, mode="function_calling"))[0] == faults


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("R&amp;B &lt;live&gt;", "R&B <live>"),
        ("R&B <live>", "R&B <live>"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;", "&amp;"),
        ("&quot;so&quot; &#65; &nbsp;", "&quot;so&quot; &#65; &nbsp;"),
    ],
)
async def test_escapes_that_a_model_copied_are_undone_once(written: str, read: str) -> None:
    async with greet_client(Answer(text=json.dumps({"text": written, "warmth": 1}))) as b:
        assert (await b.ask()).text == read


@pytest.mark.parametrize(
    ("answer", "fault", "named"),
    [
        (Answer(refusal="I will not."), "refused", "nothing in them is asked of you"),
        (Answer(text="", finish="content_filter"), "filtered", "content filter"),
        (Answer(text=""), "empty", "There was no reply"),
        (Answer(text=GOOD[:9], finish="length"), "truncated", "much shorter"),
        (Answer(text="no"), "invalid_json", "nothing else"),
    ],
)
async def test_each_fault_is_counted_and_asked_again_in_its_own_words(
    answer: Answer, fault: Fault, named: str
) -> None:
    faults, b = await faults_of(answer, answer)
    assert faults == {fault: 2}
    *_, last = b.endpoint.requests
    assert [m["role"] for m in last["messages"]] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert named in last["messages"][-1]["content"]
    assert "one JSON object that fits the schema" in last["messages"][-1]["content"]
    assert all(m["content"] for m in last["messages"])


async def test_a_long_bad_reply_is_quoted_in_part() -> None:
    _, b = await faults_of(Answer(text="no " * 10_000))
    quoted, asked = b.endpoint.requests[-1]["messages"][-2:]
    assert len(quoted["content"]) == 2_000
    assert len(asked["content"]) < 1_000


async def test_a_choice_that_is_no_option_is_an_unknown_item() -> None:
    options = (
        Option(name="A", title="Party", profile="Polka."),
        Option(name="B", title="Blue", profile="Folk."),
    )
    fields = PredictFields(user="Folk.", options=options)
    wrong = Answer(text=json.dumps({"reason": "", "choice": "Party"}))
    right = Answer(text=json.dumps({"reason": "", "choice": "B"}))
    async with greet_client(wrong, right, templates=Templates(PROMPTS)) as b:
        words = {"domain": "CDs"}
        reply = await b.model_client.ask(PREDICT, fields, words=words, meter=b.meter)
    assert reply == Predict(reason="", choice="B")
    assert b.call.faults == {"unknown_item": 1}
    assert "the choice must be A or B" in b.endpoint.requests[1]["messages"][-1]["content"]


async def test_a_check_names_the_fault_and_notices_are_counted() -> None:
    def check(greeting: Greeting) -> None:
        if greeting.warmth < 0:
            raise UnfitError("unknown_module", f"unknown module '{greeting.text}'; known: router 1")
        if greeting.warmth == 0:
            raise ValueError("lukewarm")

    def notice(greeting: Greeting) -> list[Fault]:
        return ["unknown_item"] * greeting.warmth

    cold = Answer(text=json.dumps({"text": "router 9", "warmth": 0}))
    async with greet_client(Answer(text=DECOY), cold, Answer(text=GOOD)) as b:
        await b.ask(check=check, notice=notice)
    assert b.call.faults == {"unknown_module": 1, "unfit": 1, "unknown_item": 3}
    asked = b.endpoint.requests[1]["messages"][-1]["content"]
    assert "unknown module 'Go away'; known: router 1" in asked


async def test_the_last_fault_is_the_reason() -> None:
    async with greet_client(Answer(text=""), Answer(refusal="I will not."), reply_attempts=2) as b:
        with pytest.raises(ReplyError, match="the model refused: I will not"):
            await b.ask()
    assert b.call.faults == {"empty": 1, "refused": 1}


def test_a_reason_is_one_bounded_line() -> None:
    with pytest.raises(UnusableError) as raised:
        parse_reply(Raw("", "", "", "no\n" * 10_000), Greeting, None)
    assert len(raised.value.reason) <= 500
    assert "\n" not in raised.value.reason


TEXTS = st.text(max_size=40).filter(lambda t: "&" not in t)
AROUND = st.text(st.characters(exclude_characters="{}`", exclude_categories=["Cs"]), max_size=60)


def written(schema: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - JSON
    """Return what a JSON schema of ours lets a model write."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "object":
        held = {name: written(part) for name, part in schema["properties"].items()}
        return st.fixed_dictionaries(held)
    if schema["type"] == "array":
        return st.lists(written(schema["items"]), max_size=3)
    return st.booleans() if schema["type"] == "boolean" else TEXTS


def fits(prompt: Prompt[Fields, Reply], value: object) -> bool:
    try:
        prompt.reply.model_validate(value)
    except ValueError:
        return False
    return True


REPLIES = st.sampled_from(PROMPTS).flatmap(
    lambda p: st.tuples(
        st.just(p), written(schema_of(p.reply)).filter(lambda value: fits(p, value))
    )
)


@given(REPLIES, AROUND, AROUND, st.text(max_size=60), st.booleans(), st.booleans(), st.booleans())
def test_any_reply_is_parsed_from_the_text_around_it(
    made: tuple[Prompt[Fields, Reply], object],
    before: str,
    after: str,
    thought: str,
    ascii_only: bool,
    fenced: bool,
    thinks: bool,
) -> None:
    prompt, value = made
    text = json.dumps(value, ensure_ascii=ascii_only)
    text = f"```json\n{text}\n```" if fenced else text
    text = f"{before}\n{text}\n{after}"
    if thinks:
        text = f"<think>{thought}</think>{text}"
    thoughts, rest = split_thoughts(text)
    read, kept = parse_reply(Raw(thoughts, rest, "stop"), prompt.reply, None)
    assert read == prompt.reply.model_validate(value)
    assert thoughts == (thought.strip() if thinks else "")
    assert parse_reply(Raw("", kept, ""), prompt.reply, None) == (read, kept)
