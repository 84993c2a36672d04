"""`interaction`: one record forward and backward, then a router update if it is due."""

from langgraph.graph import END, START, StateGraph

from nodes.lifecycle import (
    open_interaction,
    record_failure,
    route_after_backward,
    route_after_failure,
    route_after_forward,
    route_after_open,
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
builder.add_conditional_edges("open_interaction", route_after_open)
builder.add_conditional_edges("forward", route_after_forward)
builder.add_conditional_edges("backward", route_after_backward)
builder.add_conditional_edges("record_failure", route_after_failure)
builder.add_edge("router_update", END)

graph = builder.compile(name="interaction")
