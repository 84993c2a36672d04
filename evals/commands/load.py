"""`recnet load`: store a data set as a new network."""

from evals.commands.reading import said, with_read_options
from evals.datasets.reader import ReadResult
from workflows.commands.console import AsJson, NetworkName, execute, output


@with_read_options
def load(read: ReadResult, network: NetworkName = "default", as_json: AsJson = False) -> None:
    """Load a data set as a new network."""
    execute(lambda recnet: recnet.load(network, read.dataset))
    found: dict[str, object] = {
        "network": network,
        "users": len({event.user for event in read.dataset.events}),
        "items": len(read.dataset.items),
        "events": len(read.dataset.events),
        "users_left_out": read.left_out.users,
        "events_left_out": read.left_out.events,
        "notes": read.notes,
    }
    line = (
        f"network '{network}': {found['users']} users, {found['items']} items, "
        f"{found['events']} events; next: recnet bootstrap --network {network}"
    )
    output(found, as_json, lambda _: [*said(read), line])
