"""`recnet prompts`: what each prompt costs, and the model it is put to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from nodes.assign_credit import shorten_modules
from nodes.optimize_router import FEEDBACK_READ, NEIGHBOURS_READ
from nodes.peer_messages import REACH, shorten_candidates
from nodes.rank_candidates import CANDIDATES
from nodes.summarize import ATTRIBUTES_READ
from prompts.choose_recipients import ChooseRecipientsFields
from prompts.fields import ROOT, render_fields
from prompts.gradient import GradientFields
from prompts.llm.structured_output import schema_of
from prompts.llm.tokens import CONTEXT, estimate_tokens
from prompts.registry import PROMPTS
from prompts.template import Fields, Reply, TemplateError, Templates
from prompts.write_message import WriteMessageFields
from state.domain import Frozen
from state.settings import NetworkSettings
from tests.support.longest_prompts import Bounds, longest_calls
from workflows.commands.console import AsJson, fail, print_json, read_settings, screen

app = typer.Typer()

_WORDS = {"domain": "items"}


class PromptCost(Frozen):
    """What one prompt costs, in estimated tokens."""

    prompt: str
    model: str
    template: int
    reply_schema: int
    longest_request: int
    """Template, schema and fields, where every text and list of a network is at its bound."""
    longest_reply: int
    example: int | None = None
    """The request of a filled example."""


@app.command()
def prompts(
    examples: Annotated[
        Path | None,
        typer.Option(help="A folder of filled prompts, such as tests/prompts/examples."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each prompt costs, in tokens: an estimate, one for four characters.

    The longest request and reply are those of a network with the default settings and every text
    as long as can be. Templates of RECNET_TEMPLATES are counted as they are.
    """
    settings = read_settings()
    try:
        templates = Templates(PROMPTS, settings.templates)
    except TemplateError as error:
        fail(str(error))
    models = {p.name: settings.models.get(p.name, settings.model) for p in PROMPTS}
    filled = _read_examples(examples) if examples else {}
    costs = prompt_costs(templates, NetworkSettings(), models, filled)
    if as_json:
        print_json(costs)
    else:
        _print_costs(costs, with_examples=examples is not None)


def prompt_costs(
    templates: Templates,
    network_settings: NetworkSettings,
    models: Mapping[str, str],
    examples: Mapping[str, str],
) -> list[PromptCost]:
    """Return what each prompt costs in a network of some network_settings.

    Args:
        templates: the templates as they are used.
        network_settings: the network's settings; they bound the lists that a prompt shows.
        models: the model of each prompt, by its name.
        examples: rendered fields, by the prompt's name.
    """
    longest = longest_in(network_settings)
    costs = []
    for prompt in PROMPTS:
        fields, reply = longest[prompt.name]
        template = estimate_tokens(templates.messages(prompt, fields, _WORDS)[0].text)
        schema = estimate_tokens(json.dumps(schema_of(prompt.reply)))
        asked = template + schema
        example = examples.get(prompt.name)
        costs.append(
            PromptCost(
                prompt=prompt.name,
                model=models[prompt.name],
                template=template,
                reply_schema=schema,
                longest_request=asked + estimate_tokens(render_fields(fields)),
                longest_reply=estimate_tokens(reply.model_dump_json()),
                example=None if example is None else asked + estimate_tokens(example),
            )
        )
    return costs


def longest_in(network_settings: NetworkSettings) -> dict[str, tuple[Fields, Reply]]:
    """Return the longest fields and reply of each prompt in a network, as its nodes show them."""
    calls = longest_calls(
        Bounds(
            messages=network_settings.buffer,
            attributes=network_settings.router_attributes,
            taken_in=ATTRIBUTES_READ,
            feedback=FEEDBACK_READ,
            neighbours=NEIGHBOURS_READ,
            candidates=CANDIDATES,
            nearest=network_settings.nearest,
            reach=network_settings.nearest * REACH,
        )
    )
    return {name: (_shown(fields), reply) for name, (fields, reply) in calls.items()}


def _shown(fields: Fields) -> Fields:
    """Return fields as their node shows them, shortened where they would be too long."""
    if isinstance(fields, GradientFields):
        return shorten_modules(fields)
    return (
        shorten_candidates(fields)
        if isinstance(fields, ChooseRecipientsFields | WriteMessageFields)
        else fields
    )


def _read_examples(folder: Path) -> dict[str, str]:
    """Return the fields that the pages of a folder hold, by the name of their prompt."""
    found = {}
    for prompt in PROMPTS:
        path = folder / f"{prompt.name}.md"
        if path.is_file():
            _, opening, rest = path.read_text(encoding="utf-8").partition(f"<{ROOT}>")
            fields, closing, _ = rest.partition(f"</{ROOT}>")
            if not closing:
                fail(f"{path}: it holds no <{ROOT}>…</{ROOT}>")
            found[prompt.name] = opening + fields + closing
    if not found:
        fail(f"{folder}: no example there; a page is named after its prompt, as extract.md")
    return found


def _print_costs(costs: list[PromptCost], *, with_examples: bool) -> None:
    headings = ["template", "schema", "longest\nrequest", "longest\nreply"]
    table = Table(Column("prompt", no_wrap=True), box=SIMPLE, padding=0)
    for heading in headings + ["example"] * with_examples:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("model", overflow="fold")
    for cost in costs:
        numbers = [cost.template, cost.reply_schema, cost.longest_request, cost.longest_reply]
        numbers += [cost.example or 0] * with_examples
        table.add_row(cost.prompt, *(f"{n:,}" if n else "" for n in numbers), cost.model)
    screen.print(table)
    most = max(cost.longest_request + cost.longest_reply for cost in costs)
    screen.print("Tokens are estimates, one for four characters: a tokenizer counts otherwise.")
    screen.print(f"At most {most:,} for a request with its reply; a small model holds {CONTEXT:,}.")
