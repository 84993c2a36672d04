"""A prompt: its name, its input fields, a template to edit, and the reply it asks for."""

import re
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, ConfigDict

from prompts.fields import render_fields
from prompts.llm.errors import CallError

SHIPPED = Path(__file__).parent / "templates"
WORDS = frozenset({"domain"})
"""Placeholders of templates: words of the network, never input fields."""

F = TypeVar("F", bound="Fields")
F_co = TypeVar("F_co", bound="Fields", covariant=True)
R = TypeVar("R", bound="Reply")
R_co = TypeVar("R_co", bound="Reply", covariant=True)


class Fields(BaseModel):
    """Base of a prompt's input fields: closed and immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reply(BaseModel):
    """Base of a prompt's reply; the model sees its docstring and field descriptions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@dataclass(frozen=True, slots=True)
class Prompt(Generic[F_co, R_co]):
    """One prompt; its name is also that of its template's file."""

    name: str
    fields: type[F_co]
    reply: type[R_co]
    folder: Path = SHIPPED
    """Where its template is; that of a baseline's prompt is next to its module."""


class TemplateError(CallError):
    """A template does not fit its prompt; the message names the file and what to change."""


class Templates:
    """The checked templates of a set of prompts.

    A file `NAME.md` in `directory` replaces the shipped template of that name.

    Raises:
        TemplateError: no such folder, an unknown placeholder, or an input field that the template
            does not mention.
    """

    def __init__(
        self, prompts: tuple[Prompt[Fields, Reply], ...], directory: Path | None = None
    ) -> None:
        if directory is not None and not directory.is_dir():
            raise TemplateError(f"RECNET_TEMPLATES={directory} is not a folder: set it to one")
        self._directory = directory
        self._texts: dict[str, str] = {}
        self.add(prompts)

    def add(self, prompts: tuple[Prompt[Fields, Reply], ...]) -> None:
        """Check and add the templates of more prompts, as those of a baseline.

        Raises:
            TemplateError: one does not fit its prompt.
        """
        for prompt in prompts:
            if prompt.name not in self._texts:
                self._texts[prompt.name] = _load(prompt, self._directory)

    def text(self, prompt: Prompt[Any, Any]) -> str:
        """Return the template of a prompt as it was loaded."""
        return self._texts[prompt.name]

    def messages(self, prompt: Prompt[F, R], fields: F, words: dict[str, str]) -> list[BaseMessage]:
        """Return the messages of one call: the worded template, then the rendered fields."""
        instructions = self._texts[prompt.name].format(**words)
        return [SystemMessage(instructions), HumanMessage(render_fields(fields))]


def _load(prompt: Prompt[Fields, Reply], directory: Path | None) -> str:
    path = prompt.folder / f"{prompt.name}.md"
    if directory is not None and (directory / path.name).is_file():
        path = directory / path.name
    text = path.read_text(encoding="utf-8").strip()
    try:
        held = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise TemplateError(f"{path}: {error}; write a literal brace twice") from error
    if unknown := held - WORDS:
        raise TemplateError(
            f"{path}: unknown placeholder {{{min(unknown)}}}; known: {', '.join(sorted(WORDS))}"
        )
    mentioned = set(re.findall(r"<(\w+)>", text))
    if missing := set(prompt.fields.model_fields) - mentioned:
        raise TemplateError(f"{path}: the template never mentions the field <{min(missing)}>")
    return text
