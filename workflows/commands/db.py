"""`recnet db`: the embedded PostgreSQL server."""

import typer

from state.db.embedded import server_runs, start_server, stop_server
from state.errors import DatabaseError
from workflows.commands.console import (
    AsJson,
    display,
    fail,
    output,
    read_settings,
)

db = typer.Typer(help="Start, stop and inspect the embedded server.")


@db.command()
def start() -> None:
    """Start the embedded server. Other commands do so when they need it."""
    try:
        display(start_server(read_settings().home))
    except DatabaseError as error:
        fail(str(error))


@db.command()
def stop() -> None:
    """Stop the embedded server. Its data stays."""
    display("stopped" if stop_server(read_settings().home) else "it was not running")


@db.command()
def status(as_json: AsJson = False) -> None:
    """Show which database is used and whether it runs."""
    settings = read_settings()
    if settings.database_url is not None:
        unset = {"database": "RECNET_DATABASE_URL", "home": None, "running": None}
        output(unset, as_json, lambda _: "the database that RECNET_DATABASE_URL names")
        return
    home, running = settings.home, server_runs(settings.home)
    state = "running" if running else "stopped"
    data = {"database": "embedded", "home": str(home), "running": running}
    output(data, as_json, lambda _: f"embedded, {state}, data in {home}")
