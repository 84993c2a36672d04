"""Training AgentCF on a copy of a bootstrapped network, on the records that RecNet learns from."""

from collections.abc import Callable
from typing import Any

from evals.baselines.agentcf.graph import graph
from evals.baselines.agentcf.prompts import PROMPTS
from evals.baselines.agentcf.state import AgentCFContext
from nodes.resources import Resources
from workflows.network import Network
from workflows.recnet import RecNet
from workflows.training.driver import Fit, Progress, TrainingReport
from workflows.training.schedule import DEFAULT_CONCURRENCY
from workflows.training.trainer import TrainingGraph

NETWORK_SETTINGS: dict[str, Any] = {"update_size": 1_000_000, "propagation": "none"}
"""No router update cuts the stream into windows: a record waits only for records that share a
client."""


def agentcf(resources: Resources, *, rounds: int = 2) -> TrainingGraph:
    """Return the training graph of AgentCF: records are learned from by collaborative reflection.

    Records are RecNet's: user, positive and negative, in the same order. A client's profile is its
    agent's memory, so both begin with the same texts. The agents choose. After a wrong choice the
    user agent rewrites its memory, then both item agents rewrite theirs in view of it, and they
    choose again, up to `rounds` choices. After a right choice the memories of the user and of the
    item taken are strengthened, once. Routers, buffers and filter memories stay as they were.

    Where descriptions of AgentCF differ or are silent:

    - *Rounds.* Two at most. A right first choice ends the record; in the authors' code the choice
      is made again.
    - *Strengthening.* As in their code, where the second choice came right only the item's agent is
      asked, not the user's. So a record takes 3 calls, or 5 to 6 where the first choice was wrong.
    - *Who rewrites at reward 1.* Only the item that was taken: not being chosen is not news.
    - *One call for both items*, as their memories are written against each other.
    - *Memory.* A user's short-term memory is the profile; the versions of the profile are the
      long-term one, which ranking does not read (their basic variant).

    Raises:
        TemplateError: an edited template does not fit its prompt.
    """
    resources.model_client.add(PROMPTS)
    return TrainingGraph(
        graph=graph,
        context=lambda name: AgentCFContext(network=name, rounds=rounds),
        other_authors=frozenset({"reception", "gradient", "summary", "split", "merge"}),
    )


async def copy_for_agentcf(recnet: RecNet, source: str, name: str) -> Network:
    """Copy a network that has been bootstrapped, and not trained, for AgentCF.

    Raises:
        NetworkError: unknown source, one without routers, or a name that is taken.
    """
    return await recnet.network(source).copy(name, **NETWORK_SETTINGS)


async def train_agentcf(
    recnet: RecNet,
    name: str,
    *,
    fit: Fit = "train+valid",
    concurrency: int = DEFAULT_CONCURRENCY,
    limit: int | None = None,
    rounds: int = 2,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> TrainingReport:
    """Train a network of `copy_for_agentcf` on its records, with at most `rounds` choices for each.

    The other arguments and the errors are those of `Network.train`, and:

    Raises:
        InputError: RecNet has trained this network.
        TemplateError: an edited template does not fit its prompt.
    """
    network = recnet.network(name, agentcf(recnet.resources, rounds=rounds))
    return await network.train(
        fit=fit, concurrency=concurrency, limit=limit, on_progress=on_progress
    )
