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
from workflows.training.stream import DEFAULT_CONCURRENCY
from workflows.training.trainer import TrainingGraph

NETWORK_SETTINGS: dict[str, Any] = {"update_size": 1_000_000, "propagation": "none"}
"""No router update cuts the stream into windows: a record waits only for those whose agents it
meets."""


def agentcf(resources: Resources, *, rounds: int = 2) -> TrainingGraph:
    """Return the training graph of AgentCF: records are learned from by collaborative reflection.

    A record is what it is to RecNet: user, positive and negative, in the same order, and a client's
    profile is its agent's memory, so that both begin with the same texts. The agents choose; after
    a wrong choice the user agent rewrites its memory, then both item agents in view of it, and they
    choose again, `rounds` times at the most; after a right one the memories of the user and of the
    item taken are strengthened, once. Routers, buffers and rules stay as they were founded.

    Where descriptions of AgentCF differ or are silent:

    - *Rounds.* Two at the most. A choice that is right at once ends the record; in the authors'
      code it is made again.
    - *Strengthening.* As in their code, where the second choice came right the user agent is not
      asked again; the item's agent is. So a record takes 3 calls, or 5 to 6 where the first choice
      was wrong.
    - *Who rewrites at reward 1.* Only the item that was taken: that nobody took the other one is no
      news.
    - *One call for both items*, as their memories are written against each other.
    - *Memory.* A user's short-term memory is the profile; the versions of the profile are the
      long-term one, which ranking does not read (their basic variant).

    Args:
        resources: the open resources; those of another façade may be shared.
        rounds: choices at the most.

    Raises:
        TemplateError: an edited template does not fit its prompt.
    """
    resources.caller.add(PROMPTS)
    return TrainingGraph(
        graph=graph,
        context=lambda name: AgentCFContext(network=name, rounds=rounds),
        other_authors=frozenset({"reception", "gradient", "summary", "split", "merge"}),
    )


async def found_agentcf(recnet: RecNet, source: str, name: str) -> Network:
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
    """Feed the training records of a network to AgentCF, as `Network.train` does.

    Args:
        recnet: the open database.
        name: the network, of `found_agentcf`.
        fit: `train`, or `train+valid`.
        concurrency: interactions under way at the most.
        limit: run at most so many records now.
        rounds: choices a record at the most.
        on_progress: told before the first record and after each.

    Raises:
        InputError: RecNet has trained this network.
        NetworkError: not bootstrapped, or another process is training this network.
        TemplateError: an edited template does not fit its prompt.
    """
    network = recnet.network(name, agentcf(recnet.resources, rounds=rounds))
    return await network.train(
        fit=fit, concurrency=concurrency, limit=limit, on_progress=on_progress
    )
