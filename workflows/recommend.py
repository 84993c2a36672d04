"""`recommend`: merged views of user and candidates, then a ranking; it changes nothing."""

from langgraph.graph import END, START, StateGraph

from nodes.forward import merge_view
from nodes.rank_candidates import fan_out_views, rank_candidates, view_clients
from state.graphs.context import NetworkContext
from state.graphs.recommend import RecommendInput, RecommendOutput, RecommendState

builder = StateGraph(
    RecommendState, NetworkContext, input_schema=RecommendInput, output_schema=RecommendOutput
)
builder.add_node(view_clients)
builder.add_node(merge_view)
builder.add_node(rank_candidates)
builder.add_edge(START, "view_clients")
builder.add_conditional_edges("view_clients", fan_out_views, ["merge_view", "rank_candidates"])
builder.add_edge("merge_view", "rank_candidates")
builder.add_edge("rank_candidates", END)

graph = builder.compile(name="recommend")
