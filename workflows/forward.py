"""`forward`: load the clients, merge their messages in parallel, predict (Algorithm 1)."""

from langgraph.graph import END, START, StateGraph

from nodes.forward import fan_out_messages, load_clients, merge_messages, predict_choice
from nodes.lifecycle import fails_record
from state.graphs.context import NetworkContext
from state.graphs.interaction import ForwardOutput, ForwardState

builder = StateGraph(ForwardState, NetworkContext, output_schema=ForwardOutput)
builder.add_node(load_clients)
builder.add_node(fails_record(merge_messages))
builder.add_node(fails_record(predict_choice))
builder.add_edge(START, "load_clients")
builder.add_conditional_edges(
    "load_clients", fan_out_messages, ["merge_messages", "predict_choice"]
)
builder.add_edge("merge_messages", "predict_choice")
builder.add_edge("predict_choice", END)

graph = builder.compile(name="forward")
