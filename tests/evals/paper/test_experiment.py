"""What is refused before anything is learned, and what is learned again."""

from pathlib import Path

import pytest

from evals.candidates import PROBED, SHOWN
from evals.paper.design import DESIGNS, RECNET, UNTRAINED, Design, Plan
from evals.paper.experiment import run_experiment
from evals.paper.results import Results
from evals.planted.world import World, items_for, plant_world
from state.errors import InputError
from workflows.recnet import RecNet

PLAN = Plan(seeds=1, draws=1, records=2)
SMALL = Design(title="", reference=RECNET.name, variants=(RECNET, UNTRAINED), baselines=True)


async def test_too_few_users_are_refused_before_anything_is_paid_for(
    recnet: RecNet, tmp_path: Path
) -> None:
    dataset = plant_world(World(seed=0, users=1, items=items_for(1))).dataset
    with pytest.raises(InputError, match="is too small: 1 of its users have a test item"):
        await run_experiment(recnet, DESIGNS["table3"], dataset, PLAN, Results(tmp_path))
    assert recnet.resources.budget.calls == 0


@pytest.mark.slow
async def test_a_network_that_probes_need_is_learned_again(recnet: RecNet, tmp_path: Path) -> None:
    dataset = plant_world(World(seed=3, users=12, items=items_for(12))).dataset
    kept = Results(tmp_path)
    first = await run_experiment(recnet, SMALL, dataset, PLAN, kept)
    assert "most versions first: RecNet" in first.probes
    assert not first.probes.keys() & first.rankings.keys()
    kinds = [
        {r.negatives for o in own.values() for r in o} for own in (first.probes, first.rankings)
    ]
    assert kinds == [set(PROBED), set(SHOWN)]
    await recnet.network(first.results[0].job.network).drop()
    again = await run_experiment(recnet, SMALL, dataset, PLAN, kept)
    assert again.results[0].digest == first.results[0].digest
    ranks = [[r.ranks for own in o.probes.values() for r in own] for o in (first, again)]
    assert ranks[0] == ranks[1]
