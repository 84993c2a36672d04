"""The pages of the commands and of the settings, as the code has them.

python -m tests.support.cli_docs     writes them again; look at the diff before you commit
"""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer

from evals.cli import COMMANDS, load_command
from state.settings import USED_AT_BOOTSTRAP, NetworkSettings, Settings
from tests.support.paths import ROOT
from workflows.commands import console
from workflows.commands.bootstrap import SETTINGS

FOLDER = ROOT / "docs"
RENEW = "python -m tests.support.cli_docs"
_WRITTEN = f"<!-- Written by `{RENEW}`: change the code instead. -->"
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def cli_page() -> str:
    """Return the page of all commands, with their arguments and options."""
    exit_codes = cleandoc(console.__doc__ or "").partition("\n\n")[2]
    lines = [
        "# Command line",
        _WRITTEN,
        "Commands read settings from the environment and from `.env` in the current folder "
        "([Configuration](configuration.md)). `recnet COMMAND --help` prints what stands here.",
        exit_codes,
    ]
    for name in COMMANDS:
        lines += _command_lines(f"recnet {name}", load_command(name))
    return "\n\n".join(lines) + "\n"


def _command_lines(path: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - typer's own class
    with typer.Context(command, info_name=path) as context:
        yield f"## {path}" if path.count(" ") == 1 else f"### {path}"
        yield command.help
        if children := getattr(command, "commands", None):
            for name, child in children.items():
                yield from _command_lines(f"{path} {name}", child)
            return
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        yield f"```text\n{usage}\n```"
        records = [parameter.get_help_record(context) for parameter in command.params]
        if records:
            yield "\n".join(f"- `{name}`: {' '.join(text.split())}" for name, text in records)


def configuration_page() -> str:
    """Return the page of all settings, those of a process and those of a network."""
    fields = Settings.model_json_schema(by_alias=False)["properties"]
    process = [(variable(name), schema) for name, schema in fields.items()]
    network = NetworkSettings.model_json_schema()["properties"]
    sections = [
        "# Configuration",
        _WRITTEN,
        "## Environment variables",
        "Set them in the environment or in `.env` (copy `.env.example`). An empty one counts as "
        "unset. `RECNET_NETWORK` names the network of commands that are given no `--network`.",
        _table("Variable", process),
        "## Settings of a network",
        "`recnet bootstrap --set NAME=VALUE` sets them, and they stay with the network. "
        "`recnet copy SOURCE NAME --set NAME=VALUE` makes a copy with another value, except of "
        f"{', '.join(f'`{name}`' for name in SETTINGS if name in USED_AT_BOOTSTRAP)}, which the "
        "bootstrap has used. Model and encoder are `RECNET_MODEL` and `RECNET_EMBEDDING` at the "
        "bootstrap.",
        _table("Setting", [(name, network[name]) for name in SETTINGS]),
    ]
    return "\n\n".join(sections) + "\n"


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    alias: Any = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if alias else f"RECNET_{name.upper()}"


def _table(first: str, rows: list[tuple[str, dict[str, Any]]]) -> str:
    lines = [f"| {first} | Values | Default | Meaning |", "| --- | --- | --- | --- |"]
    for name, schema in rows:
        cells = (f"`{name}`", _values(schema), _default(schema), schema.get("description", ""))
        lines.append(f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |")
    return "\n".join(lines)


def _default(schema: dict[str, Any]) -> str:
    match schema.get("default"):
        case None | {}:
            return ""
        case bool() as value:
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


def _values(schema: dict[str, Any]) -> str:
    if options := schema.get("anyOf"):
        return ", or ".join(_values(option) for option in options if option.get("type") != "null")
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else None):
        return ", ".join(f"`{choice}`" for choice in choices)
    bounds = [
        f"{sign} {schema[key]:,}".removesuffix(".0")
        for key, sign in _BOUNDS.items()
        if key in schema
    ]
    kind = schema.get("format", schema.get("type", ""))
    plain = {"boolean": "`true`, `false`", "string": "text", "object": "text", "password": "secret"}
    return f"{plain.get(kind, kind)} {', '.join(bounds)}".rstrip()


PAGES = {"cli.md": cli_page, "configuration.md": configuration_page}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
