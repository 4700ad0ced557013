"""The API does what its OpenAPI document says: all of Schemathesis's checks and phases, two tenants.

`SECONDS` is how long it looks (60 unless told, `make conformance`: 600), `SEED` repeats a run or begins another one:
`make conformance` takes a new one each time, the suite the same.
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import Stack

SECONDS = int(os.environ.get("SECONDS", "60"))
SEED = os.environ.get("SEED", "20261121") or str(secrets.randbelow(2**31))
HERE = Path(__file__).parent


def callers(stack: Stack) -> dict[str, str]:
    """Return who calls: an admin of each of two tenants, then the operator for what these may not."""
    return {"acme": _key(stack, "acme"), "globex": _key(stack, "globex"), "operator": stack.operator_key}


def _key(stack: Stack, slug: str) -> str:
    stack.make_tenant(slug)
    made = stack.client.post("/v1/keys", json={"name": "conformance", "role": "admin"}).raise_for_status()
    return str(made.json()["key"])


def kept(stack: Stack) -> str:
    """Return the tenants and keys that a run must not delete."""
    tenants = [stack.get(f"/v1/tenants/{slug}") for slug in ("acme", "globex")]
    found = [key["id"] for slug in ("acme", "globex") for key in _keys_of(stack, slug)]
    return ",".join(str(one) for one in ("acme", "globex", *(tenant["id"] for tenant in tenants), *found))


def _keys_of(stack: Stack, slug: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = stack.client.get("/v1/keys", headers={"Ringback-Tenant": slug}).json()["data"]
    return found


def works(stack: Stack, key: str) -> bool:
    """Tell whether a key is one still: a run whose keys had died would find nothing."""
    headers = {"Authorization": f"Bearer {key}", "Ringback-Tenant": ""}
    return stack.client.get("/v1/tenants", headers=headers).status_code != 401


def auth_file(keys: dict[str, str]) -> str:
    """Return the callers as Schemathesis reads them."""
    return json.dumps(
        {
            "auth": [
                {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
                for name, key in keys.items()
            ]
        }
    )


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_the_api_does_what_its_document_says(stack: Stack, tmp_path: Path) -> None:
    keys = callers(stack)
    (tmp_path / "keys.json").write_text(auth_file(keys))
    command = [
        *(str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{stack.client.base_url}/openapi.json"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--mode", "all"),
        *("--max-time", str(SECONDS), "--seed", SEED, "--continue-on-failure", "--no-color"),
        *("--report", "ndjson", "--report-dir", str(tmp_path / "report")),
    ]
    environment = os.environ | {
        "CONFORMANCE_KEYS": str(tmp_path / "keys.json"),
        "CONFORMANCE_KEEP": kept(stack),
        "PYTHONPATH": str(HERE.parent.parent),
    }

    found = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path)

    print(f"SECONDS={SECONDS} SEED={SEED}", found.stdout[-200_000:], found.stderr[-10_000:], sep="\n")  # noqa: T201
    assert found.returncode == 0
    assert [works(stack, key) for key in keys.values()] == [True, True, True]
