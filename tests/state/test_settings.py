"""Settings: what the environment may say, and what may shape a network."""

from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import SecretStr, ValidationError

from state.errors import InputError
from state.graphs.context import BootstrapContext, NetworkContext
from state.settings import NetworkSettings, Settings
from workflows.commands.console import read_settings
from workflows.recnet import RecNet


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
    [
        ("CONNECTIONS", "2"),
        ("MAX_CONCURRENT_CALLS", "0"),
        ("TEMPERATURE", "3"),
        ("BUDGET_CALLS", "-1"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RECNET_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("MODELS", "extract=openai:small, gradient=openai:large", "models",
         {"extract": "openai:small", "gradient": "openai:large"}),
        ("MODELS", "extract=offline\n rank=offline", "models",
         {"extract": "offline", "rank": "offline"}),
        ("PRICES", "openai:gpt-4.1-mini=0.40/1.60", "prices", {"openai:gpt-4.1-mini": (0.4, 1.6)}),
        ("PRICES", "openai:org/a=b:free=0/0, offline=1/2", "prices",
         {"openai:org/a=b:free": (0, 0), "offline": (1, 2)}),
        ("PRICES", "openai:a=1e-3/2", "prices", {"openai:a": (0.001, 2)}),
        ("MODEL_OPTIONS", '{"top_p": 0.5, "extra_body": {"a": [1, null]}}', "model_options",
         {"top_p": 0.5, "extra_body": {"a": [1, None]}}),
        ("MODEL_OPTIONS", "", "model_options", {}),
        ("MODELS", "", "models", {}),
        ("PRICES", "  ", "prices", {}),
        ("TEMPERATURE", "default", "temperature", "default"),
        ("TEMPERATURE", "0.7", "temperature", 0.7),
        ("CACHE", "false", "cache", False),
        ("CACHE", "", "cache", None),
        ("BUDGET_MONEY", "0", "budget_money", 0),
        ("EMBEDDING_BASE_URL", "http://[::1]:80/v1", "embedding_base_url", "http://[::1]:80/v1"),
        ("STRUCTURED_OUTPUT", "text", "structured_output", "text"),
    ],
)  # fmt: skip
def test_what_is_written_into_a_variable_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, read: object
) -> None:
    monkeypatch.setenv(f"RECNET_{name}", value)
    assert getattr(Settings(), field) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECNET_MODELS", "extract"),
        ("RECNET_MODELS", "extract="),
        ("RECNET_MODELS", "=openai:small"),
        ("RECNET_PRICES", "openai:small=0.4"),
        ("RECNET_PRICES", "openai:small=0.4/1/2"),
        ("RECNET_PRICES", "openai:small=-1/2"),
        ("RECNET_PRICES", "openai:small=nan/2"),
        ("RECNET_PRICES", "openai:small=inf/2"),
        ("RECNET_PRICES", "openai:small=one/two"),
        ("RECNET_BUDGET_MONEY", "nan"),
        ("RECNET_BUDGET_MONEY", "-0.1"),
        ("RECNET_TEMPERATURE", "cold"),
        ("RECNET_TEMPERATURE", "nan"),
        ("RECNET_TIMEOUT", "0"),
        ("RECNET_TIMEOUT", "inf"),
        ("RECNET_RETRY_WAIT", "nan"),
        ("RECNET_REPLY_ATTEMPTS", "0"),
        ("RECNET_REQUEST_ATTEMPTS", "1.5"),
        ("RECNET_STRUCTURED_OUTPUT", "json"),
        ("OPENAI_BASE_URL", "localhost:11434/v1"),
        ("RECNET_EMBEDDING_BASE_URL", "ftp://host"),
        ("RECNET_REQUESTS_PER_MINUTE", "0"),
        ("RECNET_MODEL_OPTIONS", '{"api_key": "sk-not-to-be-shown",}'),
        ("RECNET_MODEL_OPTIONS", '["sk-not-to-be-shown"]'),
        ("RECNET_MODEL_OPTIONS", "sk-not-to-be-shown"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(typer.Exit) as left:
        read_settings()
    assert left.value.exit_code == 1
    said, line = capsys.readouterr()
    assert said == ""
    assert line.startswith(f"recnet: {name}: ")
    assert line.count("\n") == 1
    assert "not-to-be-shown" not in line


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("RECNET_TIMEOUT", "soon", r"RECNET_TIMEOUT: must be a valid number \(given: 'soon'\)"),
        ("RECNET_MODLE", "sk-1", "RECNET_MODLE is not a setting; did you mean RECNET_MODEL"),
        ("RECNET_MODEL_OPTIONS", "sk-1", "RECNET_MODEL_OPTIONS: not valid JSON; .*0.95}'"),
        ("OPENAI_BASE_URL", "http://", "OPENAI_BASE_URL: not a server address; "),
    ],
)
async def test_a_wrong_variable_is_an_input_error_in_python(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"^{says}") as raised:
        async with RecNet.open():
            pass
    assert "sk-1" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_openais_own_variables_have_fields_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-shown")
    read = Settings()
    assert read.base_url == "http://localhost:8000/v1"
    assert read.api_key == SecretStr("sk-not-to-be-shown")
    given = Settings(base_url="https://elsewhere/v1", api_key=SecretStr("another"))
    assert (given.base_url, given.api_key) == ("https://elsewhere/v1", SecretStr("another"))
    for name in ("RECNET_BASE_URL", "RECNET_API_KEY"):
        monkeypatch.setenv(name, "https://not.read/v1")
    assert Settings() == read


def test_no_secret_is_shown_by_settings() -> None:
    keys: dict[str, Any] = dict.fromkeys(
        ("database_url", "api_key", "embedding_api_key"), SecretStr("sk-not-to-be-shown")
    )
    held = Settings(**keys)
    for shown in (repr(held), str(held), held.model_dump_json(), repr(held.model_dump())):
        assert "not-to-be-shown" not in shown


def test_no_key_among_the_options_of_the_model_is_shown_by_settings() -> None:
    held = Settings(model_options={"default_headers": {"X-Key": "sk-not-to-be-shown"}})
    assert "not-to-be-shown" not in repr(held)


@pytest.mark.parametrize(
    "wrong",
    [
        {"routers": 0},
        {"update_size": 0},
        {"buffer_size": 0},
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
    for value in (
        NetworkSettings(),
        NetworkSettings(tau=0.25, propagation="placebo", seed=7),
    ):
        assert NetworkSettings.model_validate_json(value.model_dump_json()) == value


def test_a_bootstrap_context_is_a_network_and_its_shape() -> None:
    context = BootstrapContext(network="cds", routers=4)
    assert context.network_settings() == NetworkSettings(routers=4)
    with pytest.raises(ValidationError):
        NetworkContext.model_validate({"network": "cds", "user": "ann"})
    with pytest.raises(ValidationError):
        NetworkContext(network="")
