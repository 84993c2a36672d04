"""`recnet db`: the embedded PostgreSQL server."""

import typer

from state.db.embedded import server_runs, start_server, stop_server
from state.errors import DatabaseError
from workflows.commands.console import AsJson, fail, print_json, read_settings, screen

app = typer.Typer(help="Start, stop and look at the embedded PostgreSQL server.")


@app.command()
def start() -> None:
    """Start the embedded server; other commands do so by themselves."""
    settings = read_settings()
    try:
        screen.print(start_server(settings.home), highlight=False, soft_wrap=True)
    except DatabaseError as error:
        fail(str(error))


@app.command()
def stop() -> None:
    """Stop the embedded server; its data stays."""
    stopped = stop_server(read_settings().home)
    screen.print("stopped" if stopped else "it was not running")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which database is used and whether it runs."""
    settings = read_settings()
    own = settings.database_url is not None
    data = {
        "database": "RECNET_DATABASE_URL" if own else "embedded",
        "home": None if own else str(settings.home),
        "running": None if own else server_runs(settings.home),
    }
    if as_json:
        print_json(data)
    elif own:
        screen.print("the database that RECNET_DATABASE_URL names")
    else:
        state = "running" if data["running"] else "stopped"
        screen.print(f"embedded, {state}, data in {settings.home}", highlight=False)
