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
from state.store.routers import point_router
from state.store.versions import (
    Author,
    Version,
    append_version,
    is_pinned,
    join_rules,
    pin_module,
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
    """False if the text or pin was already so; then there is no new version."""


async def read_module(conn: Connection, network: NetworkRecord, name: str) -> Version:
    """Return the current version of a module; see `Network.module`."""
    network.require_bootstrapped()
    return (await read_versions(conn, network.id, await find_module(conn, network, name)))[-1]


@asynccontextmanager
async def module_change(
    resources: Resources, network: NetworkRecord, name: str, note: str
) -> AsyncIterator["ManualChange"]:
    """Find a module, and lock its network: a trainer plans from what it read at the start."""
    if len(note) > NOTE_LENGTH:
        raise InputError(f"the note has {len(note)} characters, at most {NOTE_LENGTH} are kept")
    require_usable(network, resources)
    async with resources.pool.connection() as conn:
        module = await find_module(conn, network, name)
    async with network_lock(resources, network):
        yield ManualChange(resources, network, name, module, note)


@dataclass(slots=True)
class ManualChange:
    """A change of one module, made while its network is locked."""

    resources: Resources
    network: NetworkRecord
    name: str
    module: Module
    note: str

    async def edit(self, text: str, base: int | None) -> Revision:
        """Give the module another text; see `Network.edit`.

        An edited profile joins the pending set, so the next router update takes the change up.
        """
        return await self._write("edit", _checked(self.module, text), base)

    async def roll_back(self, version: int) -> Revision:
        """Give the module the text of an earlier version again; see `Network.rollback`."""
        async with self.resources.pool.connection() as conn:
            versions = await read_versions(conn, self.network.id, self.module)
        if not 1 <= version <= len(versions):
            raise InputError(f"{self.name} has no version {version}; it has 1 to {len(versions)}")
        self.note = f"to version {version}" + (f": {self.note}" if self.note else "")
        return await self._write("rollback", versions[version - 1].content)

    async def pin(self, *, pinned: bool) -> Revision:
        """Keep the module's text as it is until it is unpinned, or unpin it; see `Network.pin`.

        No optimizer, reception or summary changes a pinned text, and a pinned router neither splits
        nor merges. Gradients of a pinned module are stored as rejected. A client with a pinned
        profile still receives messages: they serve the prediction they are read for.
        """
        author: Author = "pin" if pinned else "unpin"
        async with Step(self.network, author, self.resources).commit() as conn:
            current = await self._current(conn)
            if await is_pinned(conn, self.network.id, self.module) == pinned:
                return self._revision(current, changed=False)
            await pin_module(conn, self.network.id, self.module, pinned=pinned)
            return await self._append(conn, author, current.version + 1, current.content)

    async def _write(self, author: Author, content: str, base: int | None = None) -> Revision:
        """Commit a version with a text and its embedding, unless the module has that text."""
        vector = None
        if self.module.kind is not ModuleKind.FILTER_MEMORY:
            (embedding,) = await self.resources.encoder.embed([content])
            vector = np.asarray(embedding, dtype=np.float32)
        async with Step(self.network, author, self.resources).commit() as conn:
            current = await self._current(conn)
            if base is not None and current.version != base:
                raise ConflictError(
                    f"{self.name} is at version {current.version} now, and the text was made from "
                    f"version {base}: look at it and edit again"
                )
            if content == current.content:
                return self._revision(current, changed=False)
            if self.module.kind in (ModuleKind.USER_PROFILE, ModuleKind.ITEM_PROFILE):
                await add_pending(conn, self.network.id, [self.module.owner])
            return await self._append(conn, author, current.version + 1, content, vector)

    async def _current(self, conn: Connection) -> Version:
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

    async def _append(
        self,
        conn: Connection,
        author: Author,
        version: int,
        content: str,
        vector: Vector | None = None,
    ) -> Revision:
        """Append a version and make it the current one; without a vector the stored one stays."""
        network, module, note = self.network.id, self.module, clean_line(self.note, 2 * NOTE_LENGTH)
        await append_version(conn, network, module, version, content, author, note=note)
        if module.kind is ModuleKind.ROUTER:
            await point_router(conn, network, module.owner, version, vector)
        else:
            if module.kind is ModuleKind.FILTER_MEMORY:
                await point_filter(conn, network, module.owner, version)
            else:
                await point_profile(conn, network, module.owner, version, vector)
            await forget_views(conn, network, [module.owner])
        made = await read_module(conn, self.network, self.name)
        return self._revision(made, changed=True)

    def _revision(self, version: Version, *, changed: bool) -> Revision:
        stored = version.model_dump(include={"version", "author", "content"})
        return Revision(module=self.name, changed=changed, **stored)


def _checked(module: Module, text: str) -> str:
    """Return the text as it is stored; one that is empty or too long is refused, never cut."""
    if module.kind is ModuleKind.FILTER_MEMORY:
        return _checked_rules(text)
    limit = MESSAGE_LENGTH if module.kind is ModuleKind.ROUTER else PROFILE_LENGTH
    content = clean(text, max(len(text), limit))
    if len(content) > limit:
        raise InputError(f"the text has {len(content)} characters, at most {limit} are kept")
    if not content:
        raise InputError("the text is empty; give at least one sentence")
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
