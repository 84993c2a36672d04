"""Changes by hand: edit, roll back, pin, unpin. Each makes a version that names its author."""

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
from state.store.module_names import find_module
from state.store.networks import NetworkRecord
from state.store.pins import is_pinned, pin_module
from state.store.routers import point_router
from state.store.versions import Author, Version, append_version, join_rules, read_versions
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
    return (await read_versions(conn, network.id, await find_module(conn, network, name)))[-1]


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
    async with _locked(resources, network, name, note) as change:
        return await change.write("edit", _checked(change.module, text), base)


async def roll_back(
    resources: Resources, network: NetworkRecord, name: str, version: int, *, note: str = ""
) -> Revision:
    """Give a module the text of an earlier version again; see `Network.rollback`."""
    async with _locked(resources, network, name, note) as change:
        async with resources.pool.connection() as conn:
            versions = await read_versions(conn, network.id, change.module)
        if not 1 <= version <= len(versions):
            raise InputError(f"{name} has no version {version}; it has 1 to {len(versions)}")
        change.note = f"to version {version}" + (f": {note}" if note else "")
        return await change.write("rollback", versions[version - 1].content)


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
        _locked(resources, network, name, note) as change,
        Step(network, author, resources).commit() as conn,
    ):
        current = await change.read_current(conn)
        if changed := await is_pinned(conn, network.id, change.module) != pinned:
            await pin_module(conn, network.id, change.module, pinned=pinned)
            current = await change.append(conn, author, current.version + 1, current.content)
        return _revision(name, current, changed=changed)


@asynccontextmanager
async def _locked(
    resources: Resources, network: NetworkRecord, name: str, note: str
) -> AsyncIterator["_Change"]:
    """Find a module, and lock its network: a trainer plans from what it read at the start."""
    if len(note) > NOTE_LENGTH:
        raise InputError(f"the note has {len(note)} characters, at most {NOTE_LENGTH} are kept")
    require_usable(network, resources)
    async with resources.pool.connection() as conn:
        module = await find_module(conn, network, name)
    async with network_lock(resources, network):
        yield _Change(resources, network, name, module, note)


@dataclass(slots=True)
class _Change:
    """A change of one module, made while its network is locked."""

    resources: Resources
    network: NetworkRecord
    name: str
    module: Module
    note: str

    async def write(self, author: Author, content: str, base: int | None = None) -> Revision:
        """Commit a version with a text and its embedding, unless the module has that text."""
        vector = None
        if self.module.kind is not ModuleKind.FILTER_MEMORY:
            (embedding,) = await self.resources.encoder.embed([content])
            vector = np.asarray(embedding, dtype=np.float32)
        async with Step(self.network, author, self.resources).commit() as conn:
            current = await self.read_current(conn)
            if base is not None and current.version != base:
                raise ConflictError(
                    f"{self.name} is at version {current.version} now, and the text was made from "
                    f"version {base}: look at it and edit again"
                )
            if changed := content != current.content:
                if self.module.kind in (ModuleKind.USER_PROFILE, ModuleKind.ITEM_PROFILE):
                    await add_pending(conn, self.network.id, [self.module.owner])
                current = await self.append(conn, author, current.version + 1, content, vector)
            return _revision(self.name, current, changed=changed)

    async def read_current(self, conn: Connection) -> Version:
        """Return the current version; a router that retired or is being updated is refused."""
        current = await read_module(conn, self.network, self.name)
        is_router = self.module.kind is ModuleKind.ROUTER
        if is_router and await open_window(conn, self.network.id) is not None:
            network = self.network.name
            raise NetworkError(
                f"a router update of network '{network}' is under way, or was left unfinished: "
                f"wait for it, or finish it by `recnet train --limit 0 --network {network}`"
            )
        return current

    async def append(
        self,
        conn: Connection,
        author: Author,
        version: int,
        content: str,
        vector: Vector | None = None,
    ) -> Version:
        """Append a version and make it the current one; without a vector the stored one stays."""
        network, module, note = self.network.id, self.module, clean_line(self.note, 2 * NOTE_LENGTH)
        await append_version(conn, network, module, version, content, author, note=note)
        match module.kind:
            case ModuleKind.ROUTER:
                await point_router(conn, network, module.owner, version, vector)
            case ModuleKind.FILTER_MEMORY:
                await point_filter(conn, network, module.owner, version)
            case _:
                await point_profile(conn, network, module.owner, version, vector)
        if module.kind is not ModuleKind.ROUTER:
            await forget_views(conn, network, [module.owner])
        return await read_module(conn, self.network, self.name)


def _revision(name: str, version: Version, *, changed: bool) -> Revision:
    return Revision(
        module=name,
        version=version.version,
        author=version.author,
        content=version.content,
        changed=changed,
    )


def _checked(module: Module, text: str) -> str:
    """Return the text as it is stored; one that is empty or too long is refused, never cut."""
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
