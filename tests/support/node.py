"""Webhooks verified in Node.js, with the packages that `tests/node/package-lock.json` locks."""

import json
import subprocess
from pathlib import Path
from typing import Final, cast

from tests.support.node_packages import NODE, installed

SOURCE: Final = Path(__file__).parents[1] / "node"
_SCRIPT: Final = "verify.js"


def verified(*requests: tuple[str, dict[str, str], str]) -> list[str]:
    """Verify requests in Node: secret or public key, headers, body in base64; return why each was refused, or ''."""
    given = [{"secret": secret, "headers": headers, "body": body} for secret, headers, body in requests]
    script = installed(SOURCE, _SCRIPT) / _SCRIPT
    done = subprocess.run([NODE, script], input=json.dumps(given), capture_output=True, text=True, check=True)
    return cast("list[str]", json.loads(done.stdout))
