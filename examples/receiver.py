# ruff: noqa: INP001 - a script, not part of a package
"""A receiver to try Ringback with: prints every webhook that comes in, and whether its signature verifies.

    python examples/receiver.py
    python examples/receiver.py --secret whsec_… --port 9000 --fail 2

Without `--secret` it asks the Ringback that `make up` runs here for the secret of the tenant `default`; a receiver of
your own gets its secret once, from whoever registers it, and keeps it in its settings.
It listens on loopback only. Needs `pip install standardwebhooks`; the rest is Python's own library.
"""

import argparse
import fcntl
import json
import os
import sys
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

HOST = "127.0.0.1"


def main() -> None:
    """Listen until Ctrl-C."""
    arguments = argparse.ArgumentParser(description="Print the webhooks that come in.")
    arguments.add_argument("--secret", help="the endpoint's secret, whsec_…")
    arguments.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    arguments.add_argument("--fail", type=int, default=0, metavar="N", help="answer 500 to the first N requests")
    options = arguments.parse_args()
    secret = str(options.secret or default_secret())
    handler = make_handler(Webhook(secret), int(options.fail))
    with ThreadingHTTPServer((HOST, int(options.port)), handler) as server:
        print(f"listening on http://{HOST}:{server.server_port}/  (Ctrl-C ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("bye")


def default_secret() -> str:
    """Return what signs the webhooks of tasks that bring no secret of their own."""
    folder = Path(os.environ.get("RINGBACK_DATA_DIR", ".ringback"))
    try:
        with (folder / "url").open() as file:
            url = urlsplit(file.read().strip())
            if not is_locked(file):  # it was killed: whoever listens there now is not to see the key
                raise ConnectionError("it does not run any more")
        key = (folder / "operator.key").read_text().strip()
        ringback = HTTPConnection(url.hostname or HOST, url.port, timeout=5)
        ringback.request("GET", "/v1/secret", headers={"Authorization": f"Bearer {key}", "Ringback-Tenant": "default"})
        return str(json.load(ringback.getresponse())["secret"])
    except (OSError, HTTPException, KeyError) as error:
        sys.exit(f"no Ringback of {folder} tells its secret: run `make up`, or give --secret ({error!r})")


def is_locked(file: TextIO) -> bool:
    """Tell whether a process holds that file's lock, as the Ringback that wrote it does while it runs."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def make_handler(webhook: Webhook, failures: int) -> type[BaseHTTPRequestHandler]:
    """Return a handler that fails that many times, then answers 204 to what verifies and 401 to the rest."""
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Verify and print one webhook."""
            number = next(numbers)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            verified, told = judge(webhook, dict(self.headers), body)
            status = 500 if number <= failures else 204 if verified else 401
            print(f"#{number} {told} -> {status}", flush=True)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing more: `do_POST` has said it."""

    return Handler


def judge(webhook: Webhook, headers: dict[str, str], body: bytes) -> tuple[bool, str]:
    """Tell whether a request verifies, and what to print about it."""
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError) as error:  # ValueError: a header that is no list of signatures
        return False, f"does not verify: {error}"
    message = json.loads(body)
    # `json.dumps` writes ASCII, so that no payload can steer the terminal.
    return True, f"verified: {headers.get('webhook-id')} {json.dumps(message['type'])} {json.dumps(message['data'])}"


if __name__ == "__main__":
    main()
