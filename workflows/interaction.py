"""`interaction`: one record forward and backward, and the router update it may set off."""

from langgraph.graph import END, START, StateGraph

from nodes.opening import is_settled, open_interaction, reaches_update_size, record_failure
from state.graphs.context import NetworkContext
from state.graphs.interaction import InteractionInput, InteractionOutput, InteractionState
from workflows import backward, forward, router_update

builder = StateGraph(
    InteractionState,
    NetworkContext,
    input_schema=InteractionInput,
    output_schema=InteractionOutput,
)
builder.add_node(open_interaction)
builder.add_node("forward", forward.graph, error_handler=record_failure)
builder.add_node("backward", backward.graph, error_handler=record_failure)
builder.add_node("router_update", router_update.graph)
builder.add_edge(START, "open_interaction")
builder.add_conditional_edges("open_interaction", is_settled)
builder.add_edge("forward", "backward")
builder.add_conditional_edges("backward", reaches_update_size)
builder.add_edge("router_update", END)

graph = builder.compile(name="interaction")
