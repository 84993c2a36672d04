"""`router_update`: optimize routers, route new attributes, send messages (Algorithm 1, stage 2)."""

from langgraph.graph import END, START, StateGraph

from nodes.attributes import (
    assign_attributes,
    extract_attributes,
    fan_out_summaries,
    summarize_router,
)
from nodes.commit_router_update import (
    commit_router_update,
    dry_run_delivery,
    fan_out_deliveries,
    merge_on_delivery,
)
from nodes.optimize_router import fan_out_update, gather_gradients, optimize_router
from nodes.peer_messages import (
    address_clients,
    choose_recipients,
    fan_out_choices,
    fan_out_matches,
    gather_choices,
    match_clients,
    write_message,
)
from nodes.propagation import route_to_commit
from nodes.restructure_routers import restructure_routers
from nodes.window_lease import requires_lease
from state.graphs.context import NetworkContext
from state.graphs.router_update import RouterUpdateOutput, RouterUpdateState

builder = StateGraph(RouterUpdateState, NetworkContext, output_schema=RouterUpdateOutput)
builder.add_node(requires_lease(gather_gradients, takes=True))
builder.add_node(requires_lease(optimize_router))
builder.add_node(requires_lease(extract_attributes))
builder.add_node(requires_lease(restructure_routers))
builder.add_node(requires_lease(assign_attributes))
builder.add_node(requires_lease(summarize_router))
builder.add_node(requires_lease(match_clients))
builder.add_node(requires_lease(choose_recipients))
builder.add_node(requires_lease(address_clients))
builder.add_node(requires_lease(gather_choices))
builder.add_node(requires_lease(write_message))
builder.add_node(requires_lease(dry_run_delivery))
builder.add_node(requires_lease(merge_on_delivery))
builder.add_node(requires_lease(commit_router_update))
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
    ["summarize_router", "dry_run_delivery", "commit_router_update"],
)
builder.add_conditional_edges("summarize_router", route_to_commit)
builder.add_conditional_edges(
    "match_clients",
    fan_out_matches,
    ["choose_recipients", "address_clients", "dry_run_delivery", "commit_router_update"],
)
builder.add_edge("choose_recipients", "gather_choices")
builder.add_conditional_edges(
    "gather_choices", fan_out_choices, ["write_message", "dry_run_delivery", "commit_router_update"]
)
builder.add_conditional_edges("address_clients", route_to_commit)
builder.add_conditional_edges("write_message", route_to_commit)
builder.add_conditional_edges(
    "dry_run_delivery", fan_out_deliveries, ["merge_on_delivery", "commit_router_update"]
)
builder.add_edge("merge_on_delivery", "commit_router_update")
builder.add_edge("commit_router_update", END)

graph = builder.compile(name="router_update")
