"""A million events over 57,000 items are read in seconds and a few hundred MB."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

EVENTS, USERS, ITEMS = 1_000_000, 60_000, 57_000
READ = """
import json, re, resource, sys, time
from pathlib import Path
from evals.datasets.registry import read_with_notes
began = time.perf_counter()
dataset = read_with_notes(sys.argv[1]).dataset
status = Path("/proc/self/status")
if status.exists():  # on Linux ru_maxrss holds what the parent used before this program began
    used = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1])
else:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([len(dataset.events), len(dataset.items), time.perf_counter() - began, used]))
"""


def write(folder: Path, ending: str) -> Path:
    """Write the events and the catalogue as CSV or as atomic files."""
    chance, taken = random.Random(1), dict[tuple[int, int], None]()  # noqa: S311 - not a secret
    while len(taken) < EVENTS:
        item = min(int(chance.expovariate(4 / ITEMS)), ITEMS - 1)
        taken[chance.randrange(USERS), item] = None
    kinds = (":token", ":float") if ending == "inter" else ("", "")
    mark = "\t" if ending == "inter" else ","
    head = [f"{name}{kinds[0]}" for name in ("user_id", "item_id")] + [f"timestamp{kinds[1]}"]
    with (folder / f"big.{ending}").open("w") as file:
        file.write(f"{mark.join(head)}\n")
        for time, (user, item) in enumerate(taken):
            file.write(f"A{user:012}{mark}B{item:08}{mark}{964982703 + time * 7 % EVENTS}\n")
    items = "big.item" if ending == "inter" else "items.csv"
    with (folder / items).open("w") as file:
        file.write(f"item_id{kinds[0]}{mark}title{kinds[0]}\n")
        file.writelines(f"B{n:08}{mark}The &amp; item no. {n}\n" for n in range(ITEMS))
    return folder


@pytest.mark.parametrize("ending", ["csv", "inter"])
def test_a_million_events_are_read(tmp_path: Path, ending: str) -> None:
    command = [sys.executable, "-c", READ, str(write(tmp_path, ending))]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - ours
    events, items, seconds, kilobytes = json.loads(done.stdout)
    assert (events, items) == (EVENTS, ITEMS)
    assert seconds < 30
    assert kilobytes < 400_000
