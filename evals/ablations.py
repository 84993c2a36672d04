"""Ablations by the paper's names: settings of the same graphs, never copies of them."""

from collections.abc import Mapping

ABLATIONS: Mapping[str, Mapping[str, object]] = {
    "no propagation": {"propagation": "none"},
    "placebo propagation": {"propagation": "placebo"},
    "w/o filter memory": {"filter_memory": False},
    "w/o opt. filter memory": {"optimize_filter_memory": False},
    "w/o opt. router": {"optimize_routers": False},
    "w/o FPO": {"optimize_filter_memory": False, "optimize_routers": False},
    "w/o asynchronous": {"update_size": 1},
}
"""What each ablation changes in a network's settings (DESIGN §5, decision 12)."""
