"""`recnet bench`: the benchmarks, and the offline model behind OpenAI's protocol."""

import os
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from benchmarks.live_command import live
from benchmarks.train_command import train
from state.settings import explain
from tests.support.model_server.faults import Fault
from tests.support.model_server.settings import Means, ModelServerSettings
from workflows.commands.console import fail

if TYPE_CHECKING:
    from tests.support.model_server.serving import ModelServer

bench = typer.Typer(help="Measure the system without a language model.")

_MODEL = "offline"
_DEFAULT = ModelServerSettings()


bench.command()(train)
bench.command()(live)


@bench.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8765,
    latency: Annotated[
        float, typer.Option(min=0, help="Seconds before each reply.")
    ] = _DEFAULT.latency,
    key: Annotated[
        str | None, typer.Option(help="The key that clients must send; default: none.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model name that is accepted; default: any.")
    ] = None,
    means: Annotated[
        list[Means] | None, typer.Option(help="A supported way to ask for a schema; default: all.")
    ] = None,
    ignore_unsupported: Annotated[
        bool, typer.Option("--ignore-unsupported", help="Answer others with prose, not with 400.")
    ] = False,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of replies that are faulty.")
    ] = _DEFAULT.faults,
    kind: Annotated[
        list[Fault] | None, typer.Option(help="A kind of fault to draw; default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Keys the faults.")] = _DEFAULT.seed,
    in_a_row: Annotated[
        int, typer.Option(min=0, help="Faults in a row for one call, at most; 0 has no bound.")
    ] = _DEFAULT.in_a_row or 0,
    retry_after: Annotated[
        float, typer.Option(min=0, help="Seconds that a busy reply asks to wait.")
    ] = _DEFAULT.retry_after,
    hang: Annotated[
        float, typer.Option(min=0, help="Seconds that a hanging reply takes more.")
    ] = _DEFAULT.hang,
) -> None:
    """Serve the offline model as an OpenAI endpoint on this machine, until it is stopped.

    The offline model is a set of lexical methods and no language model. The endpoint answers
    RecNet's own prompts only, and is slow and faulty on request. GET /stats returns its counts.
    """
    try:
        settings = ModelServerSettings(
            latency=latency,
            key=key,
            models=tuple(model or ()),
            means=frozenset(means or Means),
            ignore_unsupported=ignore_unsupported,
            faults=faults,
            kinds=frozenset(kind or Fault),
            seed=seed,
            in_a_row=in_a_row or None,
            retry_after=retry_after,
            hang=hang,
        )
    except ValidationError as error:
        fail(explain(error))
    server = _open(settings, port)
    variables = {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": key or "any",
        "RECNET_MODEL": f"openai:{(model or [_MODEL])[0]}",
    }
    typer.echo(" ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items()))
    with suppress(KeyboardInterrupt):
        server.serve_until_stopped()


def _open(settings: ModelServerSettings, port: int) -> "ModelServer":
    try:
        from tests.support.model_server.serving import ModelServer  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        fail(f"bench serve needs {error.name}: run `make install`")
    try:
        return ModelServer(settings, port)
    except OSError as error:
        fail(f"--port {port}: {os.strerror(error.errno or 0)}; 0 takes a free one")
