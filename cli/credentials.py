"""The operator's key and the key ring for encryption at rest: given, found, or made."""

import base64
import secrets
import shlex
from dataclasses import dataclass

from cli.data_dir import DataDir, write_private
from core.model.api_key import has_valid_checksum, new_api_key
from core.model.start_error import StartError
from core.settings import Settings

_RING_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """The key; `fresh` if it was made just now; `in_shell` is how a shell says it without showing it."""

    text: str
    fresh: bool
    in_shell: str


def operator_key(settings: Settings, data_dir: DataDir) -> OperatorKey:
    """Return the operator's key, which is made and kept if there is none.

    Raises:
        StartError: the checksum of the key that was given or found is wrong.
    """
    if settings.operator_key and (given := settings.operator_key.get_secret_value()):
        _check(given, "RINGBACK_OPERATOR_KEY")
        return OperatorKey(given, fresh=False, in_shell="$RINGBACK_OPERATOR_KEY")
    file = data_dir.operator_key
    fresh = not file.exists()
    if fresh:
        write_private(file, f"{new_api_key()}\n")
    text = file.read_text().strip()
    _check(text, str(file))
    return OperatorKey(text, fresh, f"$(cat {shlex.quote(str(file))})")


def secret_keys(settings: Settings, data_dir: DataDir) -> str:
    """Return the key ring, which is made and kept if the database is the embedded one.

    Raises:
        StartError: the database is not the embedded one and no ring was given; a ring made here would be lost
            with this machine, and what it encrypted with it.
    """
    if settings.secret_keys and (given := settings.secret_keys.get_secret_value()):
        return given
    if settings.database_url:
        raise StartError(
            "RINGBACK_SECRET_KEYS is not set: a database of your own needs a key ring of your own "
            "(base64 of 32 random bytes)"
        )
    if not data_dir.secret_keys.exists():
        ring = base64.b64encode(secrets.token_bytes(_RING_KEY_BYTES)).decode()
        write_private(data_dir.secret_keys, f"{ring}\n")
    return data_dir.secret_keys.read_text().strip()


def _check(key: str, source: str) -> None:
    if not has_valid_checksum(key):
        raise StartError(f"{source} is not a key of Ringback: its checksum is wrong")
