"""Forward: the three clients, who has messages, and a prediction between two unnamed items."""

import pytest

from nodes.forward import fan_out_messages, load_clients, option_order, predict_choice
from nodes.resources import Resources
from prompts.predict import Predict
from state.domain import Reception
from state.errors import InputError, NetworkError
from state.graphs.interaction import ForwardState
from tests.support.backward_state import sends_of
from tests.support.scripted_model import replying
from tests.support.tiny_network import NETWORK_SETTINGS, plant_tiny, push, runtime

RECORD = ForwardState(interaction="i:1", user="ann", positive="j2", negative="m1")


async def test_clients_are_user_positive_negative_as_they_are_now(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    await push(resources, network, 1, 8)
    state = await load_clients(RECORD, runtime())
    assert [client.key for client in state["clients"]] == ["ann", "j2", "m1"]
    assert [len(client.messages) for client in state["clients"]] == [0, 1, 0]


async def test_only_clients_with_messages_are_merged(resources: Resources) -> None:
    network = (await plant_tiny(resources)).id
    state = await load_clients(RECORD, runtime())
    assert await fan_out_messages({**RECORD, **state}) == "predict_choice"
    for client in (1, 11, 12):
        await push(resources, network, 1, client)
    sends = sends_of(await fan_out_messages({**RECORD, **await load_clients(RECORD, runtime())}))
    assert {send.node for send in sends} == {"merge_messages"}
    assert [send.arg["client"].key for send in sends] == ["ann", "m1"]
    assert {send.arg["step"] for send in sends} == {"i:1"}


@pytest.mark.parametrize("unknown", [{"user": "j2"}, {"positive": "ann"}, {"negative": "zz"}])
async def test_an_unknown_client_is_named(resources: Resources, unknown: ForwardState) -> None:
    await plant_tiny(resources)
    name = next(iter(unknown.values()))
    with pytest.raises(InputError, match=f"unknown (user|item) '{name}'"):
        await load_clients({**RECORD, **unknown}, runtime())


def test_both_orders_occur_and_depend_on_seed_and_record_alone() -> None:
    orders = [option_order(0, f"i:{n}") for n in range(200)]
    assert 70 < orders.count((1, 2)) < 130
    assert set(orders) == {(1, 2), (2, 1)}
    assert [option_order(0, f"i:{n}") for n in range(200)] == orders
    assert [option_order(1, f"i:{n}") for n in range(200)] != orders


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("choice", ["A", "B"])
async def test_the_reward_is_for_the_positive_wherever_it_is_shown(
    resources: Resources, first: int, choice: str
) -> None:
    await plant_tiny(resources)
    records = (f"i:{n}" for n in range(99))
    interaction = next(i for i in records if option_order(NETWORK_SETTINGS.seed, i)[0] == first)
    record: ForwardState = {**RECORD, "interaction": interaction}
    state: ForwardState = {**record, **await load_clients(record, runtime())}
    reply = Predict.model_validate({"reason": "So.", "choice": choice})
    with replying(resources, reply) as model:
        update = await predict_choice(state, runtime())
    right = (choice == "A") == (first == 1)
    assert update["reward"] == int(right)
    assert update["predicted"] == ("j2" if right else "m1")
    assert update["reason"] == "So."
    text = model.shown()
    positive, negative = text.index("Swing Trumpet Quartet"), text.index("Iron Riffs")
    assert (positive < negative) == (first == 1)
    assert not any(key in text for key in ("j2", "m1", "positive", "negative"))


async def test_a_prediction_reads_the_propagated_profiles(resources: Resources) -> None:
    await plant_tiny(resources)
    state: ForwardState = {**RECORD, **await load_clients(RECORD, runtime())}
    state["merged"] = [Reception(client=8, profile="A record like no other.")]
    with replying(resources, Predict(reason="", choice="A")) as model:
        update = await predict_choice(state, runtime())
    assert "A record like no other." in model.shown()
    assert [r.client for r in update["receptions"]] == [1, 8, 11]


async def test_a_network_made_by_another_encoder_is_refused(resources: Resources) -> None:
    await plant_tiny(
        resources, network_settings=NETWORK_SETTINGS.model_copy(update={"encoder": "openai:small"})
    )
    with pytest.raises(NetworkError, match="RECNET_EMBEDDING=openai:small"):
        await load_clients(RECORD, runtime())
