"""Changes by hand: edit, roll back, pin, unpin. Each makes a version that names its author."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
from state.store.module_names import find_module
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
from workflows.network_lock import network_lock


class Revision(Frozen):
    """The current version of a module after a change by hand."""

    module: str
    version: int
    author: Author
    content: str
    changed: bool
    """False if the module was like that before; then there is no new version."""


async def read_module(conn: Connection, network: NetworkRecord, name: str) -> Version:
    """Return the current version of a module; see `Network.module`."""
    network.require_bootstrapped()
    return await _current(conn, network, await find_module(conn, network, name))


async def edit(
    resources: Resources,
    network: NetworkRecord,
    name: str,
    text: str,
    *,
    note: str = "",
    base: int | None = None,
) -> Revision:
    """Give a module another text; see `Network.edit`.

    An edited profile joins the pending set, so the next router update takes the change up.
    """
    async with _locked(resources, network, name, note) as module:
        content = _checked(module, text)
        return await _write(resources, network, name, module, "edit", content, note, base)


async def roll_back(
    resources: Resources, network: NetworkRecord, name: str, version: int, *, note: str = ""
) -> Revision:
    """Give a module the text of an earlier version again; see `Network.rollback`."""
    async with _locked(resources, network, name, note) as module:
        async with resources.pool.connection() as conn:
            versions = await read_versions(conn, network.id, module)
        if not 1 <= version <= len(versions):
            raise InputError(f"{name} has no version {version}; it has 1 to {len(versions)}")
        content = versions[version - 1].content
        note = f"to version {version}" + (f": {note}" if note else "")
        return await _write(resources, network, name, module, "rollback", content, note)


async def pin(
    resources: Resources, network: NetworkRecord, name: str, *, pinned: bool = True, note: str = ""
) -> Revision:
    """Keep a module's text as it is until it is unpinned, or unpin it; see `Network.pin`.

    No optimizer, reception or summary changes a pinned text, and a pinned router neither splits nor
    merges. Gradients of a pinned module are stored as rejected. A client with a pinned profile
    still receives messages: they serve the prediction they are read for.
    """
    author: Author = "pin" if pinned else "unpin"
    async with (
        _locked(resources, network, name, note) as module,
        Step(network, author, resources).commit() as conn,
    ):
        await _require_current(conn, network, name, module)
        current = await _current(conn, network, module)
        if changed := await is_pinned(conn, network.id, module) != pinned:
            await pin_module(conn, network.id, module, pinned=pinned)
            await _append(conn, network, module, current.version + 1, author, current.content, note)
            current = await _current(conn, network, module)
        return _revision(name, current, changed=changed)


@asynccontextmanager
async def _locked(
    resources: Resources, network: NetworkRecord, name: str, note: str
) -> AsyncIterator[Module]:
    """Find a module, and lock its network: a trainer plans from what it read at the start."""
    if len(note) > NOTE_LENGTH:
        raise InputError(f"the note has {len(note)} characters, at most {NOTE_LENGTH} are kept")
    require_usable(network, resources)
    async with resources.pool.connection() as conn:
        module = await find_module(conn, network, name)
    async with network_lock(resources, network):
        yield module


async def _write(
    resources: Resources,
    network: NetworkRecord,
    name: str,
    module: Module,
    author: Author,
    content: str,
    note: str,
    base: int | None = None,
) -> Revision:
    """Commit a version with a text and its embedding, unless the module has that text already."""
    vector = None
    if module.kind is not ModuleKind.FILTER_MEMORY:
        vector = np.asarray((await resources.encoder.embed([content]))[0], dtype=np.float32)
    async with Step(network, author, resources).commit() as conn:
        await _require_current(conn, network, name, module)
        current = await _current(conn, network, module)
        if base is not None and current.version != base:
            raise ConflictError(
                f"{name} is at version {current.version} now, and the text was made from "
                f"version {base}: look at it and edit again"
            )
        if changed := content != current.content:
            if module.kind in (ModuleKind.USER_PROFILE, ModuleKind.ITEM_PROFILE):
                await add_pending(conn, network.id, [module.owner])
            await _append(conn, network, module, current.version + 1, author, content, note, vector)
            current = await _current(conn, network, module)
        return _revision(name, current, changed=changed)


async def _require_current(
    conn: Connection, network: NetworkRecord, name: str, module: Module
) -> None:
    """Refuse a router that retired in the meantime, or that a router update has read already."""
    await find_module(conn, network, name)
    if module.kind is ModuleKind.ROUTER and await open_window(conn, network.id) is not None:
        raise NetworkError(
            f"a router update of network '{network.name}' is under way, or was left unfinished: "
            f"wait for it, or finish it by `recnet train --limit 0 --network {network.name}`"
        )


async def _current(conn: Connection, network: NetworkRecord, module: Module) -> Version:
    return (await read_versions(conn, network.id, module))[-1]


async def _append(
    conn: Connection,
    network: NetworkRecord,
    module: Module,
    version: int,
    author: Author,
    content: str,
    note: str,
    vector: Vector | None = None,
) -> None:
    """Append a version and make it the current one; without a vector the stored one stays."""
    note = clean_line(note, 2 * NOTE_LENGTH)
    await append_version(conn, network.id, module, version, content, author, note=note)
    if module.kind is ModuleKind.ROUTER:
        await point_router(conn, network.id, module.owner, version, vector)
        return
    if module.kind is ModuleKind.FILTER_MEMORY:
        await point_filter(conn, network.id, module.owner, version)
    else:
        await point_profile(conn, network.id, module.owner, version, vector)
    await forget_views(conn, network.id, [module.owner])


def _revision(name: str, version: Version, *, changed: bool) -> Revision:
    return Revision(
        module=name,
        version=version.version,
        author=version.author,
        content=version.content,
        changed=changed,
    )


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
