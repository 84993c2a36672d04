"""`backward`: assign credit, take turns, rewrite what the gradients name, commit everything."""

from langgraph.graph import START, StateGraph

from nodes.commit import commit_interaction
from nodes.credit import assign_credit
from nodes.opening import fails_record
from nodes.optimize import fan_out_gradients, optimize_filter_memory, optimize_profile
from nodes.turns import is_committed, take_turns
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardOutput, BackwardState

builder = StateGraph(BackwardState, NetworkContext, output_schema=BackwardOutput)
builder.add_node(fails_record(assign_credit))
builder.add_node(take_turns)
builder.add_node(fails_record(optimize_profile))
builder.add_node(fails_record(optimize_filter_memory))
builder.add_node(fails_record(commit_interaction))
builder.add_edge(START, "assign_credit")
builder.add_edge("assign_credit", "take_turns")
builder.add_conditional_edges(
    "take_turns",
    fan_out_gradients,
    ["optimize_profile", "optimize_filter_memory", "commit_interaction"],
)
builder.add_edge("optimize_profile", "commit_interaction")
builder.add_edge("optimize_filter_memory", "commit_interaction")
# A commit that met newer versions sends only the rewrites concerned round again.
builder.add_conditional_edges("commit_interaction", is_committed)

graph = builder.compile(name="backward")
