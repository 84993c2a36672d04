"""The registry picks a reader by what a source holds, and says what it accepts otherwise."""

from pathlib import Path

import pytest

from evals.datasets.reader import DataError, DatasetReader, ReadOptions, ReadResult
from evals.datasets.registry import READERS, SAMPLE, find_reader, read_dataset
from evals.planted.world import World, items_for, plant_world
from state.dataset import Dataset, Event, Item, Split
from state.errors import InputError


def test_a_reader_is_picked_by_what_the_source_holds() -> None:
    assert find_reader(str(SAMPLE)).name == "recbole"
    assert find_reader("planted:3:20").name == "planted"
    world = plant_world(World(seed=3, users=20, items=items_for(20)))
    assert read_dataset("planted:3:20", name="harbour") == world.dataset
    assert read_dataset("planted:3:20").name == "planted-3-20"
    assert read_dataset("planted:3:20", name="mine").name == "mine"


def test_names_of_readers_are_unique() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS)


def test_a_format_can_be_named(tmp_path: Path) -> None:
    assert read_dataset(SAMPLE, "recbole") == read_dataset(SAMPLE)
    with pytest.raises(DataError, match=r"not recbole, which is X\.inter.*; found an empty folder"):
        read_dataset(tmp_path, "recbole")
    with pytest.raises(
        InputError, match="format 'csv' is unknown; known are planted, movielens, recbole, "
    ):
        read_dataset(SAMPLE, "csv")


def test_an_unknown_format_names_what_was_found_and_what_is_accepted(tmp_path: Path) -> None:
    def error(source: Path) -> str:
        with pytest.raises(DataError) as raised:
            read_dataset(source)
        assert all(reader.accepts in str(raised.value) for reader in READERS)
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "found an empty folder" in error(tmp_path)
    for number in range(7):
        (tmp_path / f"{number}.bin").write_text("")
    assert "found 0.bin, 1.bin, 2.bin, 3.bin, 4.bin, …" in error(tmp_path)
    assert "found 0.bin. Accepted" in error(tmp_path / "0.bin")


class OneEventReader:
    """A format of its own, as a user would add one."""

    name = "one"
    accepts = "the word one"

    def can_read(self, source: str) -> bool:
        return source == "one"

    def read(self, source: str, options: ReadOptions) -> ReadResult:
        event = Event(user="u", item="a", split=Split.FIRST)
        return ReadResult(
            Dataset(
                name=options.name or source,
                domain=options.domain or "items",
                items=(Item(key="a", title="A"),),
                events=(event,),
            )
        )


def test_a_new_format_is_one_class_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    own: DatasetReader = OneEventReader()
    monkeypatch.setattr("evals.datasets.registry.READERS", (*READERS, own))
    assert read_dataset("one", domain="films").domain == "films"
    assert find_reader(str(SAMPLE)).name == "recbole"
