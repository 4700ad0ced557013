"""Which Ringback a command speaks to, and with which key.

```
options, RINGBACK_URL, RINGBACK_API_KEY, RINGBACK_TENANT ──► the profile ──► what `ringback up` keeps in this folder
```
Each is asked for what those before it did not say. A profile is a table of `~/.config/ringback/profiles.toml`:

```toml
[default]
url = "https://ringback.example.com"
api_key = "rb_…"
tenant = "acme"  # with the operator's key only
```
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from cli.data_dir import DataDir
from cli.failure import CommandError, ExitCode
from cli.readiness import url_of

DEFAULT: Final = "default"
LOCAL: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said of it on the command line."""

    url: str | None = None
    profile: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API is, whose key is shown to it, and for which tenant the operator acts."""

    url: str
    key: str
    tenant: str | None


def find_place(asked: Asked, env: Mapping[str, str] = os.environ) -> Place:
    """Return where to go; raise `CommandError` where there is no key for it."""
    profile = _profile(asked.profile or env.get("RINGBACK_PROFILE"), env)
    url = asked.url or env.get("RINGBACK_URL") or profile.get("url")
    key = env.get("RINGBACK_API_KEY") or profile.get("api_key")
    tenant = asked.tenant or env.get("RINGBACK_TENANT") or profile.get("tenant")
    if key is None and url is None:
        key, url = _kept(env)
        tenant = tenant or DEFAULT
    if key is None:
        raise CommandError("no API key: set RINGBACK_API_KEY, or write a profile", ExitCode.USAGE)
    return Place((url or LOCAL).rstrip("/"), key, tenant)


def profiles_file(env: Mapping[str, str]) -> Path:
    """Return where profiles are kept (XDG Base Directory Specification 0.8)."""
    home = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "~")).expanduser() / ".config")
    return Path(home) / "ringback" / "profiles.toml"


def _profile(name: str | None, env: Mapping[str, str]) -> Mapping[str, str]:
    path = profiles_file(env)
    try:
        tables: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        tables = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{path}: {error}", ExitCode.USAGE) from error
    found = tables.get(name or DEFAULT)
    if found is None and name is not None:
        raise CommandError(f"{path} has no profile {name}", ExitCode.USAGE)
    return _texts(cast("Mapping[str, object]", found)) if isinstance(found, dict) else {}


def _texts(table: Mapping[str, object]) -> Mapping[str, str]:
    return {name: value for name, value in table.items() if isinstance(value, str)}


def _kept(env: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the operator's key and where to show it; one that lies about is for the server that it lies beside."""
    told = _told_url(env)
    if key := env.get("RINGBACK_OPERATOR_KEY"):
        return key, told or LOCAL
    folder = DataDir(Path(env.get("RINGBACK_DATA_DIR") or ".ringback"))
    key = _line_of(folder.operator_key)
    url = told or folder.read_url()
    if key is not None and url is None:
        raise CommandError(f"nothing runs on {folder.root}: `ringback up` does, or say RINGBACK_URL", ExitCode.USAGE)
    return key, url or LOCAL


def _line_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _told_url(env: Mapping[str, str]) -> str | None:
    if "RINGBACK_HOST" not in env and "RINGBACK_PORT" not in env:
        return None
    port = env.get("RINGBACK_PORT") or "8000"
    if not port.isdecimal():
        raise CommandError(f"RINGBACK_PORT: {port} is no port", ExitCode.USAGE)
    return url_of(env.get("RINGBACK_HOST") or "127.0.0.1", int(port))
