# ruff: noqa: INP001 - a script, not part of a package
"""A receiver with FastAPI. Needs `pip install standardwebhooks fastapi uvicorn`.

    WEBHOOK_SECRET=whsec_… uvicorn fastapi_receiver:app --port 9000

It verifies, remembers which webhooks it has had, answers at once, and works afterwards.
"""

import os
import sqlite3
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = sqlite3.connect(os.environ.get("WEBHOOK_DB", "webhooks.db"), isolation_level=None, check_same_thread=False)
seen.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
app = FastAPI()


async def verified(request: Request) -> dict[str, object]:
    """Return the webhook, or answer 401; the signature is over the bytes as they came."""
    try:
        message: dict[str, object] = webhook.verify(await request.body(), dict(request.headers))
    except (WebhookVerificationError, ValueError):  # ValueError: a header that is no list of signatures
        raise HTTPException(401) from None
    return message


@app.post("/", status_code=204)
def receive(request: Request, message: Annotated[dict[str, object], Depends(verified)], after: BackgroundTasks) -> None:
    """Take a webhook; one that comes again has the same `webhook-id`, and is not worked on twice."""
    new = seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", [request.headers["webhook-id"]]).rowcount
    if new:
        after.add_task(work, message)


def work(message: dict[str, object]) -> None:
    """Do what is to be done. Here a restart in between would lose it: real work goes into a queue first."""
    print(f"worked on {message['type']}: {message['data']}", flush=True)
