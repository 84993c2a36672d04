"""What learning a network took, as its usage tells."""

from evals.paper.jobs import Cost, Job
from nodes.gather_gradients import ROUTERLESS
from nodes.step import BOOTSTRAP
from state.store.networks import NetworkRecord
from state.store.usage import UsageTotal, add_totals, sum_usage
from workflows.recnet import RecNet
from workflows.training.driver import TrainingReport


async def sum_cost(
    recnet: RecNet, job: Job, report: TrainingReport, *, whole: bool, at_once: int
) -> Cost:
    """Return what a job's network took, in this run and before.

    Args:
        recnet: the open façade.
        job: which.
        report: of the run that ended its training.
        whole: whether that run was the only one.
        at_once: networks that were learned at once.
    """
    network = await recnet.network(job.network).record()
    async with recnet.resources.pool.connection() as conn:
        learning = await sum_usage(conn, network.id, "interactions")
        learning += await sum_usage(conn, network.id, "updates")
        of_base = await sum_usage(
            conn, (await recnet.network(job.base).record()).id, by="interaction"
        )
    founding = [total for total in of_base if total.name == BOOTSTRAP]
    total = add_totals(learning, job.network)
    return Cost(
        records=report.settled,
        failed=report.failed,
        reward=report.reward,
        calls=total.calls,
        kept=total.cached,
        founding=_asked(founding) if _uses_routers(job, network) else 0,
        tokens=total.input_tokens + total.output_tokens,
        updates=report.windows,
        seconds=report.seconds if whole else None,
        at_once=at_once,
    )


def _uses_routers(job: Job, network: NetworkRecord) -> bool:
    """Return whether what the bootstrap made by calls, attributes and routers, is learned with."""
    return job.variant.learner == "recnet" and network.settings.propagation not in ROUTERLESS


def _asked(totals: list[UsageTotal]) -> int:
    return sum(total.calls + total.cached for total in totals)
