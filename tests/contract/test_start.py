"""What an API process refuses to start without."""

import pytest

from api.app import create_app
from api.state import InvalidOperatorKeyError
from core.model.api_key import new_api_key
from core.model.sealing import InvalidKeyRingError
from core.settings import MissingSettingError
from tests.support.apps import settings_of


async def start(**settings: object) -> None:
    """Start the API, and stop it again."""
    app = create_app(settings_of().model_copy(update=settings))
    async with app.router.lifespan_context(app):
        pass


def secret(text: str) -> object:
    return settings_of().model_validate({"operator_key": text}).operator_key


@pytest.mark.parametrize("name", ["database_url", "broker_url", "redis_url", "operator_key", "secret_keys"])
async def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(MissingSettingError, match=f"RINGBACK_{name.upper()} is not set"):
        await start(**{name: None})


@pytest.mark.parametrize(
    "key",
    ["hunter2", new_api_key()[:-1] + "!", new_api_key()[:-6] + "000000"],
    ids=["shape", "character", "checksum"],
)
async def test_an_operator_key_with_a_wrong_checksum_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(InvalidOperatorKeyError) as refused:
        await start(operator_key=secret(key))

    assert key not in str(refused.value)


async def test_a_malformed_key_ring_is_refused() -> None:
    with pytest.raises(InvalidKeyRingError):
        await start(secret_keys=secret("hunter2"))
