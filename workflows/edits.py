"""Revision by hand: edit, roll back, pin and unpin. Each makes a version that says who did it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from nodes.resources import Resources
from nodes.step import Step, require_usable
from state.db.pool import Connection
from state.domain import (
    MESSAGE_LENGTH,
    NOTE_LENGTH,
    PROFILE_LENGTH,
    RULE_LENGTH,
    RULES_HELD,
    Frozen,
    Module,
    ModuleKind,
    clean,
    clean_line,
)
from state.errors import ConflictError, InputError, NetworkError
from state.store.clients import point_filter, point_profile
from state.store.merged_views import forget_views
from state.store.networks import NetworkRecord
from state.store.pins import is_pinned, pin_module
from state.store.routers import point_router
from state.store.versions import (
    Author,
    Version,
    append_version,
    join_rules,
    read_versions,
)
from state.store.windows import add_pending, open_window
from state.vectors import Vector
from workflows.find_module import find_module
from workflows.network_lock import network_lock


class Revision(Frozen):
    """What a revision made of a module."""

    module: str
    version: int
    """The module's version now."""
    author: Author
    content: str
    changed: bool
    """False where the module was so already, and no version was made."""


async def read_module(conn: Connection, network: NetworkRecord, module: str) -> Version:
    """Return a module's current version.

    Raises:
        InputError: no such module.
        NetworkError: the network has no texts yet.
    """
    network.require_bootstrapped()
    named = await find_module(conn, network, module)
    return (await read_versions(conn, network.id, named))[-1]


async def edit(
    resources: Resources,
    network: NetworkRecord,
    module: str,
    text: str,
    *,
    note: str = "",
    base: int | None = None,
) -> Revision:
    """Give a module another text; rules are one a line.

    An edited profile joins the pending set, so the next router update takes the change up.

    Args:
        resources: the open database and models.
        network: the network.
        module: its name, as `workflows.find_module` reads it.
        text: what it says from now on.
        note: why, kept with the version.
        base: the version the text was made from; None takes whatever is there now.

    Raises:
        InputError: no such module, a text that is empty or too long, or a note that is.
        ConflictError: the module has moved on since `base`.
        NetworkError: unknown network, one that is being trained, or a router amid an update.
    """
    _check_note(note)
    async with _revising(resources, network, module) as target:
        content = _checked(target.module, text)
        written = _Text("edit", content, await _embedding(resources, target, content), note)
        async with Step(target.network, "edit", resources).commit() as conn:
            current = await _current(conn, target)
            if base is not None and current.version != base:
                raise ConflictError(
                    f"{module} is at version {current.version} now, and the text was made from "
                    f"version {base}: look at it and edit again"
                )
            return await _revise(conn, target, current, written)


async def roll_back(
    resources: Resources, network: NetworkRecord, module: str, version: int, *, note: str = ""
) -> Revision:
    """Give a module the text of one of its versions again, as a new version.

    Raises:
        InputError: no such module or version.
        NetworkError: unknown network, one that is being trained, or a router amid an update.
    """
    _check_note(note)
    async with _revising(resources, network, module) as target:
        async with resources.pool.connection() as conn:
            versions = await read_versions(conn, target.network.id, target.module)
        if not 1 <= version <= len(versions):
            raise InputError(f"{module} has no version {version}; it has 1 to {len(versions)}")
        content = versions[version - 1].content
        said = f"to version {version}" + (f": {note}" if note else "")
        earlier = _Text("rollback", content, await _embedding(resources, target, content), said)
        async with Step(target.network, "rollback", resources).commit() as conn:
            current = await _current(conn, target)
            return await _revise(conn, target, current, earlier)


async def pin(
    resources: Resources,
    network: NetworkRecord,
    module: str,
    *,
    pinned: bool = True,
    note: str = "",
) -> Revision:
    """Keep a module's text as it is until it is unpinned; or unpin it.

    No optimizer, reception or summary changes a pinned text, and a pinned router neither splits nor
    merges. Gradients of a pinned module are kept as rejected. A client with a pinned profile still
    takes messages in: they serve the prediction they are read for. A person may still edit it.

    Raises:
        InputError: no such module.
        NetworkError: unknown network, one that is being trained, or a router amid an update.
    """
    _check_note(note)
    author: Author = "pin" if pinned else "unpin"
    async with (
        _revising(resources, network, module) as target,
        Step(target.network, author, resources).commit() as conn,
    ):
        current = await _current(conn, target)
        if await is_pinned(conn, target.network.id, target.module) == pinned:
            return _as_it_is(target, current)
        await pin_module(conn, target.network.id, target.module, pinned=pinned)
        return await _append(conn, target, current, _Text(author, current.content, None, note))


@dataclass(frozen=True, slots=True)
class _Target:
    """The module under revision."""

    network: NetworkRecord
    module: Module
    name: str


@dataclass(frozen=True, slots=True)
class _Text:
    """What the next version is to say, and who says so."""

    author: Author
    content: str
    vector: Vector | None
    """The content's embedding; None for rules, and where the content stays."""
    note: str


@asynccontextmanager
async def _revising(
    resources: Resources, network: NetworkRecord, module: str
) -> AsyncIterator[_Target]:
    """Find a module, and keep trainers off: they plan from what they read at the start."""
    require_usable(network, resources)
    async with resources.pool.connection() as conn:
        target = _Target(network, await find_module(conn, network, module), module)
    async with network_lock(resources, network):
        yield target


async def _current(conn: Connection, target: _Target) -> Version:
    """Return the version a revision starts from.

    Raises:
        InputError: the module is a router that has retired meanwhile.
        NetworkError: the module is a router, and a router update has read its version already.
    """
    network = target.network
    await find_module(conn, network, target.name)
    if target.module.kind is ModuleKind.ROUTER and await open_window(conn, network.id) is not None:
        raise NetworkError(
            f"a router update of network '{network.name}' is under way, or was left unfinished: "
            f"wait for it, or finish it by `recnet train --limit 0 --network {network.name}`"
        )
    return (await read_versions(conn, network.id, target.module))[-1]


async def _revise(conn: Connection, target: _Target, current: Version, text: _Text) -> Revision:
    """Append a version where the text differs from the current one."""
    if text.content == current.content:
        return _as_it_is(target, current)
    if target.module.kind in (ModuleKind.USER_PROFILE, ModuleKind.ITEM_PROFILE):
        await add_pending(conn, target.network.id, [target.module.owner])
    return await _append(conn, target, current, text)


async def _append(conn: Connection, target: _Target, current: Version, text: _Text) -> Revision:
    network, module = target.network.id, target.module
    version = current.version + 1
    note = clean_line(text.note, 2 * NOTE_LENGTH)
    await append_version(conn, network, module, version, text.content, text.author, note=note)
    if module.kind is ModuleKind.FILTER_MEMORY:
        await point_filter(conn, network, module.owner, version)
    elif module.kind is ModuleKind.ROUTER:
        await point_router(conn, network, module.owner, version, text.vector)
    else:
        await point_profile(conn, network, module.owner, version, text.vector)
    if module.kind is not ModuleKind.ROUTER:
        await forget_views(conn, network, [module.owner])
    return Revision(
        module=target.name,
        version=version,
        author=text.author,
        content=text.content,
        changed=True,
    )


def _as_it_is(target: _Target, version: Version) -> Revision:
    return Revision(
        module=target.name,
        version=version.version,
        author=version.author,
        content=version.content,
        changed=False,
    )


async def _embedding(resources: Resources, target: _Target, content: str) -> Vector | None:
    """Return the embedding of a text; rules have none."""
    if target.module.kind is ModuleKind.FILTER_MEMORY:
        return None
    return np.asarray((await resources.encoder.embed([content]))[0], dtype=np.float32)


def _check_note(note: str) -> None:
    if len(note) > NOTE_LENGTH:
        raise InputError(f"the note has {len(note)} characters, at most {NOTE_LENGTH} are kept")


def _checked(module: Module, text: str) -> str:
    """Return the text as it is stored; one that is too long is refused, never cut.

    Raises:
        InputError: it is empty or too long.
    """
    if module.kind is ModuleKind.FILTER_MEMORY:
        return _checked_rules(text)
    limit = MESSAGE_LENGTH if module.kind is ModuleKind.ROUTER else PROFILE_LENGTH
    content = clean(text, max(len(text), limit))
    if len(content) > limit:
        raise InputError(f"the text has {len(content)} characters, at most {limit} are kept")
    if not content:
        raise InputError("the text is empty: a module always says something")
    return content


def _checked_rules(text: str) -> str:
    lines = [line for line in (clean_line(line, len(line)) for line in text.splitlines()) if line]
    if not lines:
        raise InputError("there is no rule: write one a line")
    if len(lines) > RULES_HELD:
        raise InputError(f"there are {len(lines)} rules, at most {RULES_HELD} are kept")
    for line in lines:
        if len(line) > RULE_LENGTH:
            raise InputError(
                f"a rule has {len(line)} characters, at most {RULE_LENGTH} are kept: {line[:40]}…"
            )
    return join_rules(list(dict.fromkeys(lines)))
