"""What `docs/guides/verifying-webhooks.md` and the dashboard give to receivers of an endpoint with a public key."""

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from core.clock import unix_seconds
from core.model.signature import Scheme, SigningKey, new_secret, public_key, sign
from tests.support.node_packages import NODE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/guides/verifying-webhooks.md").read_text(encoding="utf-8").partition("## With a public key")[2]
SNIPPETS = dict[str, str](re.findall(r"```(python|js)\n(.*?)\n```", PAGE, re.DOTALL))
KEY, OTHER = new_secret(Scheme.ED25519), new_secret(Scheme.ED25519)
BODY = b'{"type":"order.paid"}'
Verifies = Callable[[dict[str, str], bytes], bool]


def headers(*keys: SigningKey, age: int = 0) -> dict[str, str]:
    """Return what is signed by each of these."""
    timestamp = int(unix_seconds()) - age
    signature = sign(keys, message_id="evt_1", timestamp=timestamp, body=BODY)
    return {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def python(given: dict[str, str], body: bytes) -> bool:
    module = ModuleType("snippet")
    exec(SNIPPETS["python"], vars(module))
    return bool(module.verifies(public_key(KEY), given, body))


def node(given: dict[str, str], body: bytes) -> bool:
    given_as = [
        json.dumps(public_key(KEY)),
        json.dumps(given),
        f"Buffer.from('{base64.b64encode(body).decode()}', 'base64')",
    ]
    script = f"{SNIPPETS['js']}\nprocess.stdout.write(String(verifies({', '.join(given_as)})));"
    command = [NODE, "--input-type=module", "--eval", script]
    return {"true": True, "false": False}[subprocess.run(command, capture_output=True, text=True, check=True).stdout]


@pytest.fixture(params=[python, node])
def verifies(request: pytest.FixtureRequest) -> Verifies:
    """The snippet in each language."""
    return request.param


@pytest.mark.parametrize("keys", [[KEY], [OTHER, KEY], [KEY, OTHER], [new_secret(), KEY]])
def test_one_signature_that_verifies_is_enough(verifies: Verifies, keys: list[SigningKey]) -> None:
    assert verifies(headers(*keys), BODY)


@pytest.mark.parametrize("signature", ["v1,AAAA", "v1a,", "v1a", "v1a,AAAA", "v1a,!", "", " "])
def test_what_is_no_signature_is_refused(verifies: Verifies, signature: str) -> None:
    assert not verifies({**headers(KEY), "webhook-signature": signature}, BODY)


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (headers(OTHER), BODY),
        (headers(new_secret()), BODY),
        (headers(KEY), BODY + b" "),
        ({**headers(KEY), "webhook-id": "evt_2"}, BODY),
        (headers(KEY, age=3600), BODY),
        (headers(KEY, age=-3600), BODY),
    ],
)
def test_what_is_not_what_was_signed_or_old_is_refused(verifies: Verifies, given: dict[str, str], body: bytes) -> None:
    assert not verifies(given, body)


@pytest.mark.parametrize("language", sorted(SNIPPETS))
def test_the_dashboard_shows_the_same(language: str) -> None:
    assert SNIPPETS[language] in (ROOT / "dashboard/lib/snippets.js").read_text(encoding="utf-8")
