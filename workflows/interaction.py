"""`interaction`: one record forward and backward, then a router update if it is due."""

from langgraph.graph import END, START, StateGraph

from nodes.lifecycle import (
    is_settled,
    open_interaction,
    reaches_update_size,
    record_failure,
    was_committed,
    was_predicted,
)
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput, InteractionOutput, InteractionState
from workflows import backward, forward, router_update

builder = StateGraph(
    InteractionState, NetworkContext, input_schema=InteractionInput, output_schema=InteractionOutput
)
builder.add_node(open_interaction)
builder.add_node("forward", forward.graph)
builder.add_node("backward", backward.graph)
builder.add_node(record_failure)
builder.add_node("router_update", router_update.graph)
builder.add_edge(START, "open_interaction")
builder.add_conditional_edges("open_interaction", is_settled)
builder.add_conditional_edges("forward", was_predicted)
builder.add_conditional_edges("backward", was_committed)
builder.add_conditional_edges("record_failure", reaches_update_size)
builder.add_edge("router_update", END)

graph = builder.compile(name="interaction")
