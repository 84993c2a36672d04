"""`bootstrap`: first profiles, attributes, clusters, routers."""

from langgraph.graph import END, START, StateGraph

from nodes.attributes import extract_attributes
from nodes.founding import (
    cluster_attributes,
    fan_out_clients,
    fan_out_founding,
    found_clients,
    found_routers,
)
from nodes.summarize import summarize_router
from state.graphs.bootstrap import BootstrapInput, BootstrapOutput, BootstrapState
from state.graphs.context import BootstrapContext

builder = StateGraph(
    BootstrapState, BootstrapContext, input_schema=BootstrapInput, output_schema=BootstrapOutput
)
builder.add_node(found_clients)
builder.add_node(extract_attributes)
builder.add_node(cluster_attributes)
builder.add_node(summarize_router)
builder.add_node(found_routers)
builder.add_edge(START, "found_clients")
builder.add_conditional_edges("found_clients", fan_out_clients, ["extract_attributes", "__end__"])
builder.add_edge("extract_attributes", "cluster_attributes")
builder.add_conditional_edges("cluster_attributes", fan_out_founding, ["summarize_router"])
builder.add_edge("summarize_router", "found_routers")
builder.add_edge("found_routers", END)

graph = builder.compile(name="bootstrap")
