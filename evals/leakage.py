"""Leakage checks: which items training has seen, and what a network must not have learned from."""

from evals.datasets.splits import history, seen_items, targets
from state.dataset import Dataset, Event, Item, Split
from state.domain import ClientKind
from state.errors import NetworkError
from state.store.clients import list_clients
from state.store.events import read_events
from state.store.interactions import list_interactions
from state.store.networks import NetworkRecord
from workflows.recnet import RecNet
from workflows.training.driver import FIT, Fit, plan_training


def fit_for(split: Split) -> Fit:
    """Return what a network is fitted on before `split` is predicted, as `train` calls it."""
    return "train" if split is Split.VALID else "train+valid"


def fitted_on(split: Split) -> frozenset[Split]:
    """Return the splits that are learned from before `split` is predicted."""
    return FIT[fit_for(split)]


async def read_seen(
    recnet: RecNet, network: NetworkRecord, split: Split
) -> tuple[Dataset, frozenset[str]]:
    """Return a network's data set, and the items of any training record, negatives included."""
    records = await plan_training(recnet.resources, network, fitted_on(split))
    async with recnet.resources.pool.connection() as conn:
        clients = {client.id: client for client in await list_clients(conn, network.id)}
        events = await read_events(conn, network.id)
    dataset = Dataset(
        name=network.dataset,
        domain=network.domain,
        items=tuple(
            Item(key=c.key, title=c.title, category=c.category)
            for c in clients.values()
            if c.kind is ClientKind.ITEM
        ),
        events=tuple(
            Event(user=clients[e.user_id].key, item=clients[e.item_id].key, split=e.split)
            for e in events
        ),
    )
    drawn = {clients[record.negative].key for record in records}
    return dataset, seen_items(history(dataset, split)) | drawn


async def refuse_leak(
    recnet: RecNet, network: NetworkRecord, dataset: Dataset, split: Split
) -> None:
    """Refuse a network that has learned from what it is to predict.

    Raises:
        NetworkError: it has, in training or live.
    """
    async with recnet.resources.pool.connection() as conn:
        keys = {client.id: client.key for client in await list_clients(conn, network.id)}
        met = {
            (keys[i.user_id], keys[i.positive_id])
            for i in await list_interactions(conn, network.id)
        }
    learned = [event for event in targets(dataset, split) if (event.user, event.item) in met]
    if not learned:
        return
    first = learned[0]
    advice = "load and train another network"
    if split is Split.VALID:
        advice = "evaluate --split test, or train another network with --fit train"
    raise NetworkError(
        f"network '{network.name}' has learned from {len(learned)} of the {split} records that it "
        f"is to predict (user '{first.user}' took '{first.item}'): {advice}"
    )
