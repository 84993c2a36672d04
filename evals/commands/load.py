"""`recnet load`: store a data set as a new network."""

from typing import Annotated

import typer
from pydantic import ValidationError

from evals.commands.dataset import SplitBy, left_out_lines
from evals.datasets.registry import read_with_left_out
from evals.datasets.splits import SplitStrategy
from state.domain import KEY_LENGTH, clean_line
from state.errors import RecNetError
from state.settings import explain
from workflows.commands.console import AsJson, NetworkName, execute, fail, output


def load(
    source: Annotated[
        str, typer.Argument(help="A folder with *.inter and *.item files, or planted:SEED:READERS.")
    ],
    network: NetworkName = "default",
    domain: Annotated[
        str | None, typer.Option(help="What the items are, such as CDs; `items`, if not given.")
    ] = None,
    split: SplitBy = SplitStrategy.LEAVE_ONE_OUT,
    as_json: AsJson = False,
) -> None:
    """Load a data set as a new network."""
    if domain is not None and not clean_line(domain, KEY_LENGTH):
        fail("--domain is empty: give a plural noun, such as films")
    try:
        read = read_with_left_out(source, split=split, domain=domain)
    except RecNetError as error:
        fail(str(error))
    except ValidationError as error:
        fail(explain(error))  # the domain; a fault in the files is a RecNetError with its line
    execute(lambda recnet: recnet.load(network, read.dataset))
    found: dict[str, object] = {
        "network": network,
        "users": len({event.user for event in read.dataset.events}),
        "items": len(read.dataset.items),
        "events": len(read.dataset.events),
    }
    if split is SplitStrategy.TIME:
        left_out = read.left_out
        found |= {"users_left_out": left_out.users, "events_left_out": left_out.events}
    line = (
        f"network '{network}': {found['users']} users, {found['items']} items, "
        f"{found['events']} events; next: recnet bootstrap --network {network}"
    )
    output(found, as_json, lambda _: [*left_out_lines(read.left_out), line])
