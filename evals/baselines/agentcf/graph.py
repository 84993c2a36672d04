"""`agentcf`: one record by collaborative reflection, in place of `interaction`."""

from langgraph.graph import END, START, StateGraph

from evals.baselines.agentcf.commit import commit_memories, record_failure, route_after_commit
from evals.baselines.agentcf.nodes import (
    choose_item,
    reflect_items,
    reflect_user,
    route_after_choice,
    route_after_reflection,
)
from evals.baselines.agentcf.state import AgentCFContext, ReflectionState
from nodes.forward import load_clients
from nodes.lifecycle import fails_record, open_interaction, route_after_forward, route_after_open
from state.graphs.interaction import (
    ForwardOutput,
    InteractionInput,
    InteractionOutput,
    InteractionState,
)

reflecting = StateGraph(ReflectionState, AgentCFContext, output_schema=ForwardOutput)
reflecting.add_node(fails_record(choose_item))
reflecting.add_node(fails_record(reflect_user))
reflecting.add_node(fails_record(reflect_items))
reflecting.add_node(fails_record(commit_memories))
reflecting.add_edge(START, "choose_item")
reflecting.add_conditional_edges("choose_item", route_after_choice)
reflecting.add_edge("reflect_user", "reflect_items")
reflecting.add_conditional_edges("reflect_items", route_after_reflection)
reflecting.add_conditional_edges("commit_memories", route_after_commit)

builder = StateGraph(
    InteractionState, AgentCFContext, input_schema=InteractionInput, output_schema=InteractionOutput
)
builder.add_node(open_interaction)
builder.add_node(load_clients)
builder.add_node("reflect", reflecting.compile(name="reflect"))
builder.add_node(record_failure)
builder.add_edge(START, "open_interaction")
builder.add_conditional_edges(
    "open_interaction", route_after_open, {"forward": "load_clients", "__end__": END}
)
builder.add_edge("load_clients", "reflect")
builder.add_conditional_edges(
    "reflect", route_after_forward, {"backward": END, "record_failure": "record_failure"}
)
builder.add_edge("record_failure", END)

graph = builder.compile(name="agentcf")
