"""`bootstrap`: first profiles, attributes, clusters, routers."""

from langgraph.graph import END, START, StateGraph

from nodes.attributes import extract_attributes, summarize_router
from nodes.bootstrap import (
    cluster_attributes,
    create_routers,
    fan_out_clients,
    fan_out_clusters,
    initialize_clients,
)
from state.graphs.bootstrap import BootstrapInput, BootstrapOutput, BootstrapState
from state.graphs.context import BootstrapContext

builder = StateGraph(
    BootstrapState, BootstrapContext, input_schema=BootstrapInput, output_schema=BootstrapOutput
)
builder.add_node(initialize_clients)
builder.add_node(extract_attributes)
builder.add_node(cluster_attributes)
builder.add_node(summarize_router)
builder.add_node(create_routers)
builder.add_edge(START, "initialize_clients")
builder.add_conditional_edges(
    "initialize_clients", fan_out_clients, ["extract_attributes", "__end__"]
)
builder.add_edge("extract_attributes", "cluster_attributes")
builder.add_conditional_edges("cluster_attributes", fan_out_clusters, ["summarize_router"])
builder.add_edge("summarize_router", "create_routers")
builder.add_edge("create_routers", END)

graph = builder.compile(name="bootstrap")
