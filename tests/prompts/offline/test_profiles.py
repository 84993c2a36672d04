"""How the offline model reads and writes profiles: extract, summarize, optimize_profile."""

import pytest

from prompts.attributes import ExtractFields, SummarizeFields
from prompts.offline.attributes import extract, summarize
from prompts.offline.optimize_profile import optimize_profile
from prompts.offline.profile_text import read_profile, write_profile
from prompts.optimize import OptimizeProfileFields
from state.domain import PROFILE_LENGTH, ClientKind

USER = """A person who enjoys CDs. The first one taken was "Tapestry" (Pop; Adult Contemporary).
Enjoys: folk rock; laurel canyon.
Lately hears of: piano; brass bands.
Avoids: death metal."""
ITEM = '"Blue"\nAbout: folk; singer-songwriter.\nTaken by people who like: laurel canyon.'


def _extract(kind: ClientKind, profile: str) -> list[str]:
    return extract(ExtractFields(kind=kind, profile=profile)).attributes


def _optimize(kind: ClientKind, profile: str, suggestion: str) -> str:
    fields = OptimizeProfileFields(kind=kind, profile=profile, reward=0, suggestion=suggestion)
    return optimize_profile(fields).profile


def test_attributes_are_what_a_person_likes_and_nothing_avoided_or_heard() -> None:
    assert _extract(ClientKind.USER, USER) == [
        "folk rock",
        "laurel canyon",
        "adult contemporary",
        "tapestry",
        "pop",
    ]


def test_attributes_of_an_item_are_its_themes_and_its_takers_tastes() -> None:
    assert _extract(ClientKind.ITEM, ITEM) == ["folk", "singer-songwriter", "blue", "laurel canyon"]


def test_prose_is_read_for_what_it_likes() -> None:
    prose = (
        "She loves progressive rock and long synth solos, but dislikes death metal. "
        '"Revolutions: The Very Best Of Steve Winwood, Vol. 2" was a favourite. No country, please.'
    )
    found = _extract(ClientKind.USER, prose)
    assert {"progressive rock", "long synth solos", "steve winwood"} <= set(found)
    assert not {"death metal", "country", "very best", "2", "vol"} & set(found)


def test_entities_are_undone_and_attributes_bounded() -> None:
    found = _extract(
        ClientKind.USER, "Enjoys: R&amp;B; " + "; ".join(f"tone{n}" for n in range(40))
    )
    assert found[0] == "r&b"
    assert len(found) == 12


def test_a_profile_is_written_as_it_was_read() -> None:
    assert write_profile(read_profile(USER, ClientKind.USER)) == USER
    assert write_profile(read_profile(ITEM, ClientKind.ITEM)) == ITEM


def test_a_profile_stays_bounded_and_keeps_its_lists() -> None:
    prose = "word " * 390 + "\nEnjoys: " + "; ".join(f"long phrase number {n}a" for n in range(30))
    text = write_profile(read_profile(prose, ClientKind.USER))
    assert len(text) <= PROFILE_LENGTH
    assert text.endswith("long phrase number 13a.")


def test_a_router_names_new_attributes_before_old_ones() -> None:
    founded = summarize(SummarizeFields(router="", attributes=("folk rock", "piano"))).profile
    assert founded == "Liked here: folk rock; piano."
    later = summarize(SummarizeFields(router=founded, attributes=("banjo", "Piano"))).profile
    assert later == "Lately taken here: banjo; piano.\nAlso liked here: folk rock."


def test_a_router_holds_about_two_dozen_tastes() -> None:
    text = ""
    for update in range(5):
        attributes = tuple(f"taste{update}x{n}" for n in range(20))
        text = summarize(SummarizeFields(router=text, attributes=attributes)).profile
    assert text.count(";") + text.count(".") == 24
    assert text.startswith("Lately taken here: taste4x0;")
    assert "taste3x0" in text


def test_a_router_without_anything_says_so_and_names_no_taste() -> None:
    text = summarize(SummarizeFields(router="", attributes=())).profile
    again = summarize(SummarizeFields(router=text, attributes=("banjo",))).profile
    assert text == "Nothing is known of this community yet."
    assert again == "Liked here: banjo."


def test_feedback_is_followed_newest_first() -> None:
    text = _optimize(
        ClientKind.USER,
        USER,
        "Keep: laurel canyon. Add to what this person enjoys: banjo; piano. "
        "Drop from what this person hears of: brass bands.",
    )
    assert "Enjoys: banjo; piano; laurel canyon; folk rock." in text
    assert "hears of" not in text
    assert text.startswith("A person who enjoys CDs.")
    assert text.endswith("Avoids: death metal.")


def test_an_item_learns_the_tastes_of_those_who_take_it() -> None:
    text = _optimize(ClientKind.ITEM, ITEM, "Say that it is taken by people who like: pop; piano.")
    assert text == (
        '"Blue"\nAbout: folk; singer-songwriter.\n'
        "Taken by people who like: pop; piano; laurel canyon."
    )


@pytest.mark.parametrize(
    "suggestion", ["", "Hmm.", "Well done, everyone!", ";;;", "Add:", "Drop: ."]
)
def test_feedback_that_asks_for_nothing_changes_nothing(suggestion: str) -> None:
    assert _optimize(ClientKind.USER, USER, suggestion) == USER


def test_a_profile_is_never_empty() -> None:
    assert _optimize(ClientKind.USER, "", "Drop: all of it.")
    assert _optimize(ClientKind.USER, "Enjoys: jazz.", "Drop: jazz.")
