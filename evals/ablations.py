"""Ablations by the paper's names (§3.3, §3.4.4, §3.4.5): settings of the same graphs."""

from collections.abc import Mapping

Ablations = Mapping[str, Mapping[str, object]]
"""What each ablation changes in a network's settings."""

TABLE_3: Ablations = {
    "w/o CPR": {"propagation": "em", "optimize_routers": False},
    "w/o PPR": {"reception": "delivery", "filter_memory": False},
    "w/o buffer": {"reception": "delivery"},
    "w/o filter memory": {"filter_memory": False},
    "w/o FPO": {"optimize_filter_memory": False, "optimize_routers": False},
    "w/o opt. filter memory": {"optimize_filter_memory": False},
    "w/o opt. router": {"optimize_routers": False},
}
TABLE_4: Ablations = {
    "EM": TABLE_3["w/o CPR"],
    "EM+LR": {"propagation": "em+lr"},
    "EM+LR+LS": {"propagation": "em+lr+ls"},
}
"""Embedding retrieval of the nearest clients, LLM ranking among them, LLM summary of what to send.
EM has the figures of "w/o CPR" in the paper, and is the same here."""
TABLE_5: Ablations = {
    "w/o router": {"propagation": "clients"},
    "w/o asynchronous": {"update_size": 1},
}
CONTROLS: Ablations = {
    "no propagation": {"propagation": "none"},
    "placebo propagation": {"propagation": "placebo"},
}
"""Not in the paper: propagation must beat silence, and the same messages permuted among the
recipients."""

ABLATIONS: Ablations = {**TABLE_3, **TABLE_4, **TABLE_5, **CONTROLS}
