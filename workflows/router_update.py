"""`router_update`: gradients and changed clients in, messages out."""

from langgraph.graph import END, START, StateGraph

from nodes.attributes import assign_attributes, extract_attributes, fan_out_summaries
from nodes.claims import holds_window
from nodes.commit_update import deliver_messages
from nodes.delivery import fan_out_deliveries, merge_delivery
from nodes.gather import before_delivery, fan_out_update, gather_gradients
from nodes.optimize_router import optimize_router
from nodes.rehearsal import rehearse_delivery
from nodes.restructure import restructure_routers
from nodes.summarize import summarize_router
from nodes.telling import (
    address_clients,
    choose_recipients,
    fan_out_choices,
    fan_out_matches,
    gather_choices,
    match_clients,
    write_message,
)
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterUpdateOutput, RouterUpdateState

builder = StateGraph(RouterUpdateState, NetworkContext, output_schema=RouterUpdateOutput)
builder.add_node(holds_window(gather_gradients, takes=True))
builder.add_node(holds_window(optimize_router))
builder.add_node(holds_window(extract_attributes))
builder.add_node(holds_window(restructure_routers))
builder.add_node(holds_window(assign_attributes))
builder.add_node(holds_window(summarize_router))
builder.add_node(holds_window(match_clients))
builder.add_node(holds_window(choose_recipients))
builder.add_node(holds_window(address_clients))
builder.add_node(holds_window(gather_choices))
builder.add_node(holds_window(write_message))
builder.add_node(holds_window(rehearse_delivery))
builder.add_node(holds_window(merge_delivery))
builder.add_node(holds_window(deliver_messages))
builder.add_edge(START, "gather_gradients")
builder.add_conditional_edges(
    "gather_gradients",
    fan_out_update,
    ["optimize_router", "extract_attributes", "match_clients", "__end__"],
)
builder.add_edge("optimize_router", "restructure_routers")
builder.add_edge("extract_attributes", "restructure_routers")
builder.add_edge("restructure_routers", "assign_attributes")
builder.add_conditional_edges(
    "assign_attributes",
    fan_out_summaries,
    ["summarize_router", "rehearse_delivery", "deliver_messages"],
)
builder.add_conditional_edges("summarize_router", before_delivery)
builder.add_conditional_edges(
    "match_clients",
    fan_out_matches,
    ["choose_recipients", "address_clients", "rehearse_delivery", "deliver_messages"],
)
builder.add_edge("choose_recipients", "gather_choices")
builder.add_conditional_edges(
    "gather_choices", fan_out_choices, ["write_message", "rehearse_delivery", "deliver_messages"]
)
builder.add_conditional_edges("address_clients", before_delivery)
builder.add_conditional_edges("write_message", before_delivery)
builder.add_conditional_edges(
    "rehearse_delivery", fan_out_deliveries, ["merge_delivery", "deliver_messages"]
)
builder.add_edge("merge_delivery", "deliver_messages")
builder.add_edge("deliver_messages", END)

graph = builder.compile(name="router_update")
