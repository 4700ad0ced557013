# ruff: noqa: INP001 - a script, not part of a package
"""A receiver with Flask. Needs `pip install standardwebhooks flask`.

    WEBHOOK_SECRET=whsec_… flask --app flask_receiver run --port 9000

It verifies, remembers which webhooks it has had, answers at once, and works afterwards.
"""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, Response, request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
database = os.environ.get("WEBHOOK_DB", "webhooks.db")
workers = ThreadPoolExecutor(2)
app = Flask(__name__)
with sqlite3.connect(database) as made:
    made.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")


@app.post("/")
def receive() -> Response:
    """Take a webhook; the signature is over the bytes as they came."""
    try:
        message: dict[str, object] = webhook.verify(request.get_data(), dict(request.headers))
    except (WebhookVerificationError, ValueError):  # ValueError: a header that is no list of signatures
        return Response(status=401)
    if is_new(request.headers["webhook-id"]):
        workers.submit(work, message)
    return Response(status=204)


def is_new(webhook_id: str) -> bool:
    """Remember an ID; one that comes again has been had."""
    with sqlite3.connect(database) as seen:
        return seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", [webhook_id]).rowcount == 1


def work(message: dict[str, object]) -> None:
    """Do what is to be done. Here a restart in between would lose it: real work goes into a queue first."""
    print(f"worked on {message['type']}: {message['data']}", flush=True)
