"""The command line as a person types it: what it prints, its exit codes, its one-line errors."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.cli import app
from tests.support.commands import run_command, run_json
from tests.support.tiny_network import tiny_dataset

NETWORK = ("--network", "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the tiny data set as RecBole files."""
    dataset = tiny_dataset()
    items = ["item_id:token\ttitle:token_seq\tcategory:token_seq"]
    items += [f"{item.key}\t{item.title}\t{item.category}" for item in dataset.items]
    # Nine items that a user never took are wanted beside each target.
    items += [f"x{place}\tUntitled {place}\tOpera" for place in range(1, 5)]
    events = ["user_id:token\titem_id:token\ttimestamp:float"]
    events += [f"{event.user}\t{event.item}\t{at}" for at, event in enumerate(dataset.events)]
    (tmp_path / "tiny.item").write_text("\n".join(items) + "\n")
    (tmp_path / "tiny.inter").write_text("\n".join(events) + "\n")
    return tmp_path


def refusal(*words: str) -> str:
    """Run one command that cannot be done, and return the one line it says."""
    result = run_command(*words, code=1)
    line = result.stderr.strip()
    assert line.startswith("recnet: ")
    assert "\n" not in line
    assert result.stdout == ""
    return line


@pytest.fixture
def tiny(database: str, folder: Path) -> str:  # noqa: ARG001 - it empties the database
    """Load and bootstrap the tiny data set."""
    run_command("load", str(folder), *NETWORK, "--domain", "CDs")
    run_command("bootstrap", *NETWORK, "--set", "routers=3", "--set", "update_size=5")
    return "tiny"


@pytest.mark.usefixtures("database")
def test_from_files_to_figures(folder: Path) -> None:
    loaded = run_json("load", str(folder), *NETWORK, "--domain", "CDs")
    assert loaded.pop("notes")[0] == "read as recbole: tiny.inter and tiny.item"
    left_out = {"users_left_out": 0, "events_left_out": 0}
    assert loaded == {"network": "tiny", "users": 6, "items": 16, "events": 24, **left_out}
    assert [one["key"] for one in run_json("show", "users", *NETWORK)][:2] == ["ann", "bob"]
    assert "Smoky Trumpet" in run_command("show", "items", *NETWORK).stdout
    assert refusal("show", "user", "amn", *NETWORK).endswith(
        "'amn'; did you mean 'ann'? `recnet show users --network tiny` lists them"
    )
    founded = run_json("bootstrap", *NETWORK, "--set", "routers=3", "--set", "update_size=5")
    assert (founded["clients"], founded["routers"]) == (22, 3)
    part = run_json("train", *NETWORK, "--limit", "5")
    assert (part["records"], part["run"]) == (12, 5)
    rest = run_json("train", *NETWORK)
    assert (rest["run"], rest["failed"]) == (7, 0)
    assert rest["calls_per_interaction"] <= 1 + 1 + 3 + 6
    columns = run_command("usage", *NETWORK).stdout.split("\n")[1].split()
    assert "calls" in columns
    assert not {"cost", "faults"} & set(columns)  # there were none
    found = run_json("evaluate", *NETWORK, "--draws", "1")
    (table,) = found["tables"]
    assert table["negatives"] == "sampled"
    # Each user took four of the twelve CDs that anyone took: eight are left to match with.
    assert found["omitted"] == ["no table for matched negatives: no user has 9 of them"]
    names = [row["name"] for row in table["rows"]]
    assert names == ["floor", "random order (expected)", "Random", "TF-IDF", "RecNet (tiny)"]
    more = run_json("evaluate", *NETWORK, "--draws", "1", "--baselines", "--probes")
    assert more["omitted"][1] == "no table for equal negatives: no user has 9 of them"
    assert [row["name"] for row in more["tables"][0]["rows"]] == [
        *names[:3], "Pop", "Item-KNN", "BPR", "TF-IDF",
        "least popular first", "newest first", "shortest profile first: RecNet (tiny)",
        "most versions first: RecNet (tiny)", "most messages first: RecNet (tiny)", names[-1],
    ]  # fmt: skip
    assert (
        "12 of 12 with " in run_command("evaluate", *NETWORK, "--draws", "1", "--markdown").stdout
    )
    assert run_json("train", *NETWORK)["run"] == 0
    # A live record may take what was held out: that is said, and not to be predicted any more.
    held_out = ("interact", "ann", "j4", "m1", *NETWORK)
    assert (
        "'j4' is the item of user 'ann' that was kept for the test" in run_command(*held_out).stderr
    )
    assert "(user 'ann' took 'j4')" in refusal("evaluate", *NETWORK)


@pytest.mark.slow
def test_a_person_can_look_at_everything(tiny: str) -> None:
    run_command("train", *NETWORK, "--limit", "6")
    assert tiny in run_command("networks").stdout
    assert "update_size = 5" in run_command("show", *NETWORK).stdout
    assert "CDs" in run_command("show", "user", "ann", *NETWORK).stdout
    assert "Smoky Trumpet" in run_command("show", "item", "j1", *NETWORK).stdout
    assert "versions" in run_command("show", "router", "1", *NETWORK).stdout
    listed = run_json("show", "interactions", *NETWORK)
    assert len(listed) == 6
    assert {one["user"] for one in listed} == {"ann", "bob", "cid", "dot", "eve", "fay"}
    assert [one["took"] for one in run_json("show", "interactions", "ann", *NETWORK)] == ["j2"]
    assert "6 of 12 training records" in run_command("show", *NETWORK).stdout
    assert (
        "2 routers" not in run_command("bootstrap", *NETWORK).stdout
    )  # as it is, without the settings
    told = run_command("trace", listed[0]["interaction"], *NETWORK).stdout
    assert "predicted" in told
    assert "gradient" in told
    assert "before" in told
    ranking = run_json("recommend", "ann", "m4", "j4", *NETWORK)["ranking"]
    assert sorted(entry["item"] for entry in ranking) == ["j4", "m4"]
    assert run_command("recommend", "ann", *NETWORK).stdout.count("nearest") == 10
    assert "embedded" in run_command("db", "status").stdout


@pytest.mark.slow
def test_one_live_interaction_counts_once(tiny: str) -> None:
    words = ("interact", "ann", "j3", "m1", "--network", tiny, "--id", "order-1")
    first = run_json(*words)
    again = run_json(*words)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert first["predicted"] == again["predicted"]
    assert len(run_json("show", "interactions", *NETWORK)) == 1
    generated = run_json("interact", "bob", "j1", "m2", *NETWORK)
    assert generated["interaction"].startswith("live:")
    assert "order-1" in run_command("trace", "order-1", *NETWORK).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("interact", "nobody", "j1", "m1", *NETWORK), "unknown user 'nobody'"),
        (("interact", "ann", "j1", "zz", *NETWORK), "unknown item 'zz'"),
        (("interact", "ann", "j1", "j1", *NETWORK), "'j1'"),
        (("recommend", "ann", "j1", "j1", *NETWORK), "named twice"),
        (("show", "user", "nobody", *NETWORK), "unknown user 'nobody'"),
        (("show", "router", "99", *NETWORK), "no router 99"),
        (("show", "router", "one", *NETWORK), "'one'"),
        (("show", "item", *NETWORK), "recnet show item KEY"),
        (("trace", "tiny:999", *NETWORK), "no interaction 'tiny:999'"),
        (("bootstrap", *NETWORK, "--seed", "7"), "seed"),
        (("bootstrap", *NETWORK, "--set", "update_size=0"), "update_size"),
        (("bootstrap", *NETWORK, "--set", "colour=red"), "colour=red"),
        (("bootstrap", *NETWORK, "--set", "tau=high"), "tau"),
        (("train", "--network", "elsewhere"), "no network 'elsewhere'; there are: tiny"),
        (("digest", "--network", "elsewhere"), "no network 'elsewhere'"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    tiny: str, words: tuple[str, ...], named: str
) -> None:
    before = run_command("digest", "--network", tiny).stdout
    assert named in refusal(*words)
    assert run_command("digest", "--network", tiny).stdout == before


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_a_catalogue_too_small_to_rank_is_refused(folder: Path) -> None:
    lines = (folder / "tiny.item").read_text().splitlines()
    (folder / "tiny.item").write_text("\n".join(lines[:-4]) + "\n")
    run_command("load", str(folder), *NETWORK)
    run_command("bootstrap", *NETWORK)
    assert "9 other items" in CliRunner().invoke(app, ["evaluate", *NETWORK]).stderr


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_bad_files_leave_no_network(folder: Path) -> None:
    with (folder / "tiny.inter").open("a") as file:
        file.write("ann\tj9\n")
    line = refusal("load", str(folder), *NETWORK)
    assert "tiny.inter" in line
    assert "26" in line
    assert run_json("networks") == []
    assert "nowhere" in refusal("load", str(folder / "nowhere"), *NETWORK)


@pytest.mark.slow
def test_a_network_that_has_no_routers_says_what_to_run(database: str, folder: Path) -> None:
    assert database
    run_command("load", str(folder), *NETWORK)
    assert "recnet bootstrap --network tiny" in refusal("train", *NETWORK)
    assert "recnet bootstrap --network tiny" in refusal("show", *NETWORK)
    assert "recnet bootstrap --network tiny" in refusal("interact", "ann", "j1", "m1", *NETWORK)
    assert "exists" in refusal("load", str(folder), *NETWORK)


@pytest.mark.slow
def test_validation_is_not_read_by_a_network_that_learned_from_it(tiny: str) -> None:
    run_command("train", "--network", tiny)
    assert "has learned from" in refusal("evaluate", *NETWORK, "--split=valid")


@pytest.mark.slow
def test_dropping_asks_first(tiny: str) -> None:
    result = CliRunner().invoke(app, ["drop", "--network", tiny], input="n\n")
    assert result.exit_code == 1
    assert [row["network"] for row in run_json("networks")] == [tiny]
    run_command("drop", "--network", tiny, "--yes")
    assert run_json("networks") == []


@pytest.mark.slow
def test_a_signal_is_an_answer_too(tiny: str) -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", "from evals.cli import main; main()", "drop", "--network", tiny],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        asked = ""
        while "for good?" not in asked:
            asked += (one := process.stderr.read(1))
            assert one, asked
        process.send_signal(signal.SIGINT)
        process.communicate("y\n", timeout=60)
    assert process.returncode != 0
    assert [row["network"] for row in run_json("networks")] == [tiny]


@pytest.mark.slow
def test_settings_that_make_no_sense_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_CONNECTIONS", "many")
    assert "RECNET_CONNECTIONS" in refusal("networks")


@pytest.mark.slow
def test_a_database_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:9/none")
    line = refusal("networks")
    assert "RECNET_DATABASE_URL" in line
    assert "hunter2" not in line


@pytest.mark.slow
def test_an_unknown_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_MODEL", "nonsense")
    assert "RECNET_MODEL" in refusal("networks")


@pytest.mark.slow
def test_a_network_that_was_told_a_test_item_is_not_evaluated(tiny: str) -> None:
    run_command("interact", "ann", "j4", "m1", "--network", tiny)
    assert "has learned from 1 of the test records" in refusal("evaluate", *NETWORK)


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_texts_are_never_markup(folder: Path) -> None:
    lines = (folder / "tiny.item").read_text().replace("Smoky Trumpet", "[/red] [bold]:heart:[/x]")
    (folder / "tiny.item").write_text(lines)
    odd = ("--network", "[/x]")
    run_command("load", str(folder), *odd)
    run_command("bootstrap", *odd, "--set", "routers=3", "--set", "update_size=5")
    run_command("train", *odd, "--limit", "3")
    run_command("interact", "ann", "j3", "m1", *odd, "--id", "[/bold]")
    for words in (("show",), ("show", "interactions"), ("trace", "[/bold]"), ("networks",)):
        assert "[/" in run_command(*words, *(() if words == ("networks",) else odd)).stdout
    assert "[/red] [bold]:heart:[/x]" in run_command("show", "item", "j1", *odd).stdout
    assert "[bold]" in run_command("recommend", "ann", "j1", *odd).stdout
    run_command("drop", *odd, "--yes")


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_the_demo_does_not_take_a_network_of_yours(folder: Path) -> None:
    run_command("load", str(folder), "--network", "demo")
    before = run_command("digest", "--network", "demo").stdout
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "network 'demo' is not the demo's" in result.stderr
    assert run_command("digest", "--network", "demo").stdout == before


@pytest.mark.slow
def test_a_password_that_was_not_encoded_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_DATABASE_URL", "postgresql://u:sec@retpw@127.0.0.1:9/db")
    line = refusal("networks")
    assert "%40" in line
    assert "retpw" not in line
