"""The trace of one interaction: prediction, reward, messages, gradients, texts before and after."""

from state.db.pool import Connection
from state.domain import KEY_LENGTH, Call, ClientKind, Frozen, Gradient, Module, clean_line
from state.errors import InputError
from state.store.clients import ClientName
from state.store.gradients import read_gradients
from state.store.interactions import find_interaction, read_filter_decisions
from state.store.module_names import Names, module_name, name_clients
from state.store.networks import NetworkRecord
from state.store.routers import read_heirs
from state.store.usage import read_calls
from state.store.versions import Version, read_version, read_versions
from state.store.windows import read_claimed_windows

_WRITES = ("gradient", "split", "merge")
"""Authors of texts that an optimizer wrote."""


class TracedMessage(Frozen):
    """A message that was received, and what became of it."""

    client: str
    sender: str
    """The module that sent it: `router:3`, or a client."""
    version: int
    """That of the sender."""
    body: str
    window: int | None
    """The router update that merged it on delivery; None where the interaction merged it."""
    accepted: bool
    rule: str
    reason: str


class TracedGradient(Gradient):
    """A textual gradient with the texts before and after it."""

    name: str
    """The module's name, such as `user:ada` or `router:3`."""
    before: str
    """The text the optimizer started from: for a profile `P_c^pro`."""
    after: str
    """The text it wrote; empty where none was written (yet)."""
    before_version: int | None
    """Of the module, or of the router that answered for it."""
    after_version: int | None


class InteractionTrace(Frozen):
    """One interaction, step by step."""

    interaction: str
    user: str
    positive: str
    negative: str
    predicted: str
    reward: int | None
    reason: str
    failure: str
    windows: tuple[int, ...]
    """The router updates that its commits set off."""
    messages: tuple[TracedMessage, ...]
    gradients: tuple[TracedGradient, ...]
    calls: tuple[Call, ...]
    """What models were asked for it, in the order in which the replies came."""


async def trace_interaction(
    conn: Connection, network: NetworkRecord, interaction_id: str
) -> InteractionTrace:
    """Return the trace of one settled interaction; see `Network.trace`."""
    interaction_id = clean_line(interaction_id, KEY_LENGTH)
    found = await find_interaction(conn, network.id, interaction_id)
    if found is None:
        raise InputError(
            f"no interaction '{interaction_id}' in network '{network.name}'; "
            f"`recnet show interactions --network {network.name}` lists them"
        )
    decisions = await read_filter_decisions(conn, network.id, interaction_id)
    gradients = await read_gradients(conn, network.id, interaction_id)
    modules = [*(d.sender for d in decisions), *(g.module for g in gradients)]
    ids = {found.user_id, found.positive_id, found.negative_id, *(m.owner for m in modules)}
    names = await name_clients(conn, network.id, ids)
    return InteractionTrace(
        interaction=found.id,
        user=_title(names[found.user_id]),
        positive=_title(names[found.positive_id]),
        negative=_title(names[found.negative_id]),
        predicted=_title(names[found.predicted_id]) if found.predicted_id else "",
        reward=found.reward,
        reason=found.reason,
        failure=found.failure,
        windows=tuple(await read_claimed_windows(conn, network.id, found.id)),
        messages=tuple(
            TracedMessage(
                client=_title(names[decision.client_id]),
                sender=module_name(decision.sender, names),
                window=decision.window_id,
                **decision.model_dump(include={"version", "body", "accepted", "rule", "reason"}),
            )
            for decision in decisions
        ),
        gradients=tuple([await _gradient(conn, network, g, names) for g in gradients]),
        calls=tuple(await read_calls(conn, network.id, found.id)),
    )


async def _gradient(
    conn: Connection, network: NetworkRecord, gradient: Gradient, names: Names
) -> TracedGradient:
    before, after = await _before_and_after(conn, network, gradient)
    return TracedGradient(
        **dict(gradient),
        name=module_name(gradient.module, names),
        before=before.content if before else "",
        after=after.content if after else "",
        before_version=before.version if before else None,
        after_version=after.version if after else None,
    )


async def _before_and_after(
    conn: Connection, network: NetworkRecord, gradient: Gradient
) -> tuple[Version | None, Version | None]:
    """Return the version the optimizer started from and the one it made, where it made one."""
    module = answering = gradient.module
    if gradient.applied_to is not None:
        answering = Module(kind=module.kind, owner=gradient.applied_to)
    if gradient.applied_version is None:
        return await read_version(conn, network.id, module, gradient.version), None
    made = await read_version(conn, network.id, answering, gradient.applied_version)
    if made is None or made.author not in _WRITES:
        return made, None  # the optimizer left the text as it was
    if made.interaction_id not in (None, gradient.interaction):
        return made, None
    if made.version > 1:
        return await read_version(conn, network.id, answering, made.version - 1), made
    return await _last_of_parent(conn, network, module.owner, answering), made


async def _last_of_parent(
    conn: Connection, network: NetworkRecord, named: int, child: Module
) -> Version | None:
    """Return the last version of the router that retired in favour of `child`.

    Of the two that a merge united it is the one that answered for the router `named`.
    """
    heirs = await read_heirs(conn, network.id)
    answered = {named}
    for router in sorted(heirs):  # a child's number is higher than its parents'
        if router in answered:
            answered.update(heirs[router])
    parent = max(r for r in answered if child.owner in heirs[r])
    return (await read_versions(conn, network.id, Module.router(parent)))[-1]


def _title(client: ClientName) -> str:
    return client.key if client.kind is ClientKind.USER else f"{client.key} ({client.title})"
