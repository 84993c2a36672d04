"""Baselines: the `Ranker` protocol, one file a ranker, and the registry of all of them.

To add a baseline: write `evals/baselines/<name>.py` with a class that has `name`, `fit` and `rank`
(`ranker.Ranker`; `scoring.ScoringRanker` does the ordering for those that score candidates), add
it to `registry.BASELINES`, and to `tests/evals/test_blind.py`, which checks that its ranking does
not depend on the target. `recnet evaluate --baselines` and the paper's Table 2 then show it.
"""
