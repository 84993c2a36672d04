"""`backward`: assign credit, lock clients, optimize profiles and rules, commit (Algorithm 1)."""

from langgraph.graph import START, StateGraph

from nodes.assign_credit import assign_credit
from nodes.client_locks import lock_clients, route_after_commit
from nodes.commit_interaction import commit_interaction
from nodes.lifecycle import fails_record
from nodes.optimize_clients import fan_out_gradients, optimize_filter_memory, optimize_profile
from state.graphs.context import NetworkContext
from state.graphs.interaction import BackwardOutput, BackwardState

builder = StateGraph(BackwardState, NetworkContext, output_schema=BackwardOutput)
builder.add_node(fails_record(assign_credit))
builder.add_node(lock_clients)
builder.add_node(fails_record(optimize_profile))
builder.add_node(fails_record(optimize_filter_memory))
builder.add_node(fails_record(commit_interaction))
builder.add_edge(START, "assign_credit")
builder.add_edge("assign_credit", "lock_clients")
builder.add_conditional_edges(
    "lock_clients",
    fan_out_gradients,
    ["optimize_profile", "optimize_filter_memory", "commit_interaction"],
)
builder.add_edge("optimize_profile", "commit_interaction")
builder.add_edge("optimize_filter_memory", "commit_interaction")
# A commit that met newer versions sends only the rewrites concerned round again.
builder.add_conditional_edges("commit_interaction", route_after_commit)

graph = builder.compile(name="backward")
