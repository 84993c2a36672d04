"""The Agent Server serves the graphs on the same Postgres, without any key."""

import re
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, get_args

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from state.settings import Propagation
from state.store.interactions import find_interaction
from tests.support.agent_server import agent_server
from tests.support.database_rows import calls, rows
from tests.support.paths import ROOT
from tests.support.tiny_network import BASKETS, NETWORK_SETTINGS, load_tiny
from workflows.recnet import RecNet

RECORD = {"user": "ann", "positive": "j2", "negative": "m1", "interaction": "studio"}
CONTEXT = {"network": "tiny"}


async def test_the_graphs_run_on_the_agent_server(
    recnet: RecNet, environment: Path, tmp_path: Path
) -> None:
    network = await load_tiny(recnet)
    began = monotonic()
    with agent_server(tmp_path, RECNET_HOME=str(environment)) as url:
        assert monotonic() - began < 30
        async with get_client(url=url, api_key=None) as client:
            await check_forms(client)
            await check_bootstrap(client, recnet)
            await check_interaction(client, recnet, network)
            await check_bad_input(client)
            await check_recommendation(client, recnet, network)
    assert (tmp_path / ".langgraph_api").is_dir()
    assert not (ROOT / ".langgraph_api" / ".langgraph_ops.pckl").exists()


async def check_forms(client: LangGraphClient) -> None:
    """Studio makes its forms from these schemas."""
    assistants = {a["graph_id"]: a for a in await client.assistants.search()}
    assert set(assistants) == {"interaction", "bootstrap", "recommend"}
    forms = {
        name: await client.assistants.get_schemas(found["assistant_id"])
        for name, found in assistants.items()
    }
    asked = forms["interaction"]["input_schema"] or {}
    assert asked["required"] == ["user", "positive", "negative"]
    assert asked["properties"]["user"]["description"] == "Key of the user."
    for form in forms.values():
        named = (form["context_schema"] or {})["properties"]["network"]
        assert named["description"].startswith("Name of the network")
        assert named["default"] == "default"
    fields = (forms["bootstrap"]["context_schema"] or {})["properties"]
    assert (fields["routers"]["minimum"], fields["routers"]["maximum"]) == (
        1,
        1000,
    )
    assert fields["propagation"]["enum"] == list(get_args(Propagation))
    drawn = await client.assistants.get_graph(assistants["interaction"]["assistant_id"], xray=True)
    names = {node["id"] for node in drawn["nodes"]}
    assert {
        "forward:predict_choice",
        "record_failure",
        "router_update:commit_router_update",
    } <= names


async def check_bootstrap(client: LangGraphClient, recnet: RecNet) -> None:
    network_settings = {**CONTEXT, **NETWORK_SETTINGS.model_dump(mode="json")}
    founded = await run(client, "bootstrap", {}, network_settings)
    assert (founded["clients"], founded["routers"]) == (18, 3)
    assert (await recnet.network("tiny").record()).settings == NETWORK_SETTINGS
    with pytest.raises(Exception, match="update_size=5, not 6"):
        await run(client, "bootstrap", {}, {**network_settings, "update_size": 6})
    with pytest.raises(Exception, match="greater than or equal to 1"):
        await run(client, "bootstrap", {}, {**network_settings, "routers": 0})


async def check_interaction(client: LangGraphClient, recnet: RecNet, network: int) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await run(client, "interaction", RECORD, CONTEXT, thread)
    assert (first["repeated"], first["failure"]) == (False, "")
    async with recnet.resources.pool.connection() as conn:
        kept = await find_interaction(conn, network, "studio")
    assert kept is not None
    assert (kept.reward, kept.reason) == (first["reward"], first["reason"])
    saved = await rows(recnet, "SELECT checkpoint_ns FROM checkpoints WHERE thread_id = %s", thread)
    assert {str(row["checkpoint_ns"]).partition(":")[0] for row in saved} == {
        "", "forward", "backward"
    }  # fmt: skip
    state = await client.threads.get_state(thread)
    assert state["values"]["reward"] == first["reward"]  # type: ignore[call-overload]
    paid = await calls(recnet, network)
    again = await run(client, "interaction", RECORD, CONTEXT)
    assert (again["repeated"], again["predicted"]) == (True, first["predicted"])
    assert await calls(recnet, network) == paid
    # Filling the pending set sets off the router update here too.
    other = {"user": "cid", "positive": "m2", "negative": "f2", "interaction": "other"}
    out = await run(client, "interaction", other, CONTEXT)
    assert out["window"] == 1
    (window,) = await rows(recnet, "SELECT done FROM windows WHERE network_id = %s", network)
    assert window["done"]


async def check_bad_input(client: LangGraphClient) -> None:
    unknown = {**RECORD, "user": "zed", "interaction": "bad"}
    thread = (await client.threads.create())["thread_id"]
    with pytest.raises(Exception, match="unknown user 'zed'"):
        await run(client, "interaction", unknown, CONTEXT, thread)
    ended = await client.runs.list(thread)
    assert [entry["status"] for entry in ended] == ["error"]
    with pytest.raises(Exception, match="no network 'nowhere'; there are: tiny"):
        await run(client, "recommend", {"user": "ann"}, {"network": "nowhere"})


async def check_recommendation(client: LangGraphClient, recnet: RecNet, network: int) -> None:
    digest = await recnet.network("tiny").digest()
    out = await run(client, "recommend", {"user": "ann", "count": 4}, CONTEXT)
    items = [entry["item"] for entry in out["ranking"]]
    assert len(set(items)) == 4
    assert not set(items) & set(BASKETS["ann"].split()[:3])
    assert (await calls(recnet, network, "recommend"))["rank"] == 1
    assert await recnet.network("tiny").digest() == digest


async def run(
    client: LangGraphClient,
    graph: str,
    given: Mapping[str, Any],
    context: Mapping[str, Any],
    thread: str | None = None,
) -> dict[str, Any]:
    """Run a graph to its end and return its output."""
    out = await client.runs.wait(thread, graph, input=given, context=context)
    assert isinstance(out, dict)
    return out


def test_the_core_does_without_the_server() -> None:
    """Starlette comes with the Agent Server; nothing else may need it."""
    packages = ("state", "prompts", "nodes", "workflows", "evals")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    mention = re.compile(r"^\s*(from|import) (starlette|langgraph_api|workflows\.server)\b", re.M)
    found = {path.name for path in sources if mention.search(path.read_text(encoding="utf-8"))}
    assert found == {"server.py"}
