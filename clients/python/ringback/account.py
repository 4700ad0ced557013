"""Who asks, and where."""

import os
from importlib.metadata import PackageNotFoundError, version

from ringback.errors import RingbackError

LOCAL = "http://127.0.0.1:8000"


def headers_of(api_key: str | None, tenant: str | None) -> dict[str, str]:
    """Return what every request carries. Raises `RingbackError` without a key."""
    key = api_key or os.environ.get("RINGBACK_API_KEY")
    if not key:
        raise RingbackError("there is no API key: give api_key, or set RINGBACK_API_KEY")
    acting = {"Ringback-Tenant": tenant} if tenant else {}
    return {"Authorization": f"Bearer {key}", "User-Agent": f"ringback-python/{_version()}", **acting}


def url_of(base_url: str | None) -> str:
    """Return where the API is: what is given, what the environment says, or what `ringback up` starts here."""
    return base_url or os.environ.get("RINGBACK_URL") or LOCAL


def _version() -> str:
    try:
        return version("ringback-client")
    except PackageNotFoundError:  # from a checkout
        return "0"
