from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from core.model.retry import DEFAULT_SCHEDULE
from core.settings import MissingSettingError, Settings, require, require_secret


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that names no setting."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RINGBACK_{name.upper()}", raising=False)
    return monkeypatch


def test_an_environment_that_names_nothing_gives_the_contracts_defaults(environment: pytest.MonkeyPatch) -> None:
    assert isinstance(environment, pytest.MonkeyPatch)

    settings = Settings()

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".ringback"))
    assert (settings.timeout, settings.lease, settings.feed_interval) == (15, 15, 1)
    assert (settings.retry_schedule, settings.https_only, settings.allow_targets) == (DEFAULT_SCHEDULE, True, ())
    assert (settings.database_url, settings.broker_url, settings.redis_url) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "8080", 8080),
        ("HTTPS_ONLY", "false", False),
        ("DATA_DIR", "/var/lib/ringback", Path("/var/lib/ringback")),
        ("FEED_INTERVAL", "0.2", 0.2),
        ("RETRY_SCHEDULE", "5, 300,1800", (5, 300, 1800)),
        ("RETRY_SCHEDULE", "", ()),
        ("TASK_MODULES", "mine.tasks, other", ("mine.tasks", "other")),
        ("ALLOW_TARGETS", "127.0.0.0/8", (IPv4Network("127.0.0.0/8"),)),
        ("ALLOW_TARGETS", "10.0.0.1, fd00::/8,", (IPv4Network("10.0.0.1/32"), IPv6Network("fd00::/8"))),
        ("ALLOW_TARGETS", "", ()),
    ],
)
def test_a_variable_is_read(environment: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    environment.setenv(f"RINGBACK_{name}", text)

    assert getattr(Settings(), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("TIMEOUT", "31"),
        ("TIMEOUT", "0"),
        ("LEASE", "0"),
        ("FEED_INTERVAL", "0"),
        ("RETRY_SCHEDULE", "5,soon"),
        ("RETRY_SCHEDULE", "-5"),
        ("ALLOW_TARGETS", "127.0.0.1/8"),
        ("ALLOW_TARGETS", "localhost"),
        ("LOG_LEVEL", "loud"),
        ("SENDER", "pigeon"),
        ("MAX_IN_FLIGHT", "0"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(environment: pytest.MonkeyPatch, name: str, text: str) -> None:
    environment.setenv(f"RINGBACK_{name}", text)

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert refused.value.errors()[0]["loc"][0] == name.lower()


def test_a_variable_of_another_name_is_ignored(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RINGBACK_NO_SUCH_SETTING", "1")

    assert Settings().port == 8000


def test_settings_do_not_change(environment: pytest.MonkeyPatch) -> None:
    settings = Settings()

    with pytest.raises(ValidationError):
        environment.setattr(settings, "port", 1)


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RINGBACK_OPERATOR_KEY", "rb_hidden")
    environment.setenv("RINGBACK_SECRET_KEYS", "hidden")

    assert "hidden" not in repr(Settings())


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_asked_for_by_its_variable(value: str | None) -> None:
    with pytest.raises(MissingSettingError, match="RINGBACK_BROKER_URL is not set"):
        require(value, "BROKER_URL")


@pytest.mark.parametrize("value", [None, SecretStr("")])
def test_a_missing_secret_is_asked_for_by_its_variable(value: SecretStr | None) -> None:
    with pytest.raises(MissingSettingError, match="RINGBACK_SECRET_KEYS is not set"):
        require_secret(value, "SECRET_KEYS")


def test_what_is_set_is_returned() -> None:
    assert (require("url", "X"), require_secret(SecretStr("key"), "X")) == ("url", "key")
