"""Settings: what the environment may say, and what may shape a network."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from state.graphs.context import BootstrapContext, NetworkContext
from state.settings import NetworkSettings, Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECNET_DATABASE_URL", "postgresql://me:secret@host/db")
    monkeypatch.setenv("RECNET_HOME", "/somewhere")
    monkeypatch.setenv("RECNET_UNKNOWN", "ignored")
    settings = Settings()
    assert settings.home == Path("/somewhere")
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:secret@host/db"
    assert "secret" not in repr(settings)
    assert settings.model == "offline"


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONNECTIONS", "2"), ("CALLS_IN_FLIGHT", "0"), ("TEMPERATURE", "3"), ("BUDGET_CALLS", "-1")],
)
def test_a_setting_out_of_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RECNET_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"routers": 0},
        {"update_size": 0},
        {"buffer": 0},
        {"tau": 1.5},
        {"tau": "none"},
        {"same_attribute": 0},
        {"hears_from": 0},
        {"propagation": "flood"},
        {"seed": -1},
        {"routers_": 3},
    ],
)
def test_what_cannot_shape_a_network_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NetworkSettings.model_validate(wrong)


def test_settings_of_a_network_survive_being_stored() -> None:
    for shape in (NetworkSettings(), NetworkSettings(tau=0.25, propagation="placebo", seed=7)):
        assert NetworkSettings.model_validate_json(shape.model_dump_json()) == shape


def test_a_bootstrap_context_is_a_network_and_its_shape() -> None:
    context = BootstrapContext(network="cds", routers=4)
    assert context.shape() == NetworkSettings(routers=4)
    with pytest.raises(ValidationError):
        NetworkContext.model_validate({"network": "cds", "user": "ann"})
    with pytest.raises(ValidationError):
        NetworkContext(network="")
