"""Failed interactions, run again."""

from collections.abc import Callable, Sequence

from nodes.step import require_usable
from state.domain import KEY_LENGTH, Frozen, clean_line
from state.errors import InputError
from state.store.clients import list_clients
from state.store.interactions import Interaction, list_interactions
from state.store.networks import Network
from state.store.usage import UsageTotal
from workflows.exclusive import only_trainer
from workflows.paid import begin_paying, paid_since
from workflows.recnet import RecNet


class RetryReport(Frozen):
    """What became of the interactions that were run again."""

    network: str
    run: int
    learned: int
    failed: dict[str, str]
    """Why, by identity, where one failed again."""
    stopped: str = ""
    """The limit of the budget that ended it before all were run."""
    usage: tuple[UsageTotal, ...] = ()
    """What it paid for, by prompt."""


async def run_again(
    recnet: RecNet,
    name: str,
    identities: Sequence[str] = (),
    *,
    started: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
) -> RetryReport:
    """Run failed interactions of a network again, in the order in which they failed.

    One that succeeds counts once: it takes the place of its failure, and its clients join the
    pending set as they change now.

    Args:
        recnet: the open façade.
        name: the network.
        identities: which; all that failed where none is named.
        started: told how many there are; returns what is called after each.

    Raises:
        InputError: an identity is unknown, or did not fail.
        NetworkError: another process is training this network.
    """
    network = await recnet.network(name)
    require_usable(network)
    mark = await begin_paying(recnet)
    async with only_trainer(recnet.resources.url, network):
        failed = await _failed(recnet, network, identities)
        async with recnet.resources.pool.connection() as conn:
            keys = {client.id: client.key for client in await list_clients(conn, network.id)}
        advance = started(len(failed)) if failed else lambda: None
        reasons = {}
        run = 0
        for one in failed:
            if recnet.resources.budget.spent():
                break
            out = await recnet.interact(
                name,
                user=keys[one.user_id],
                positive=keys[one.positive_id],
                negative=keys[one.negative_id],
                interaction_id=one.id,
            )
            if out.get("failure"):
                reasons[one.id] = out["failure"]
            run += 1
            advance()
    return RetryReport(
        network=name,
        run=run,
        learned=run - len(reasons),
        failed=reasons,
        stopped=recnet.resources.budget.spent() if run < len(failed) else "",
        usage=await paid_since(recnet, mark, network),
    )


async def _failed(recnet: RecNet, network: Network, identities: Sequence[str]) -> list[Interaction]:
    async with recnet.resources.pool.connection() as conn:
        settled = {one.id: one for one in await list_interactions(conn, network.id)}
    identities = [clean_line(identity, KEY_LENGTH) for identity in identities]
    for identity in identities:
        if identity not in settled:
            raise InputError(f"no interaction '{identity}' in network '{network.name}'")
        if not settled[identity].failure:
            raise InputError(f"interaction '{identity}' did not fail: it is learned already")
    wanted = set(identities) or settled.keys()
    return [one for one in settled.values() if one.failure and one.id in wanted]
