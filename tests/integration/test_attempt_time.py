"""The time that an attempt names is the database's: its own machine's clock may be wrong."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import msgspec
import pytest

from core import clock
from core.database import Database
from core.lease.claim import Claimed
from core.model.ids import DeliveryId, SecretId, TenantId
from core.model.outcome import Outcome
from core.model.sealing import KeyRing
from core.model.signature import format_secret, new_secret
from core.registry.secrets import seal_secret
from core.settings import Settings
from tests.support.claiming import OK, claim_one, recorder_at_work
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS
from workers.delivery.attempt import Attempts, Leases
from workers.delivery.exchange import Listener, OutgoingRequest
from workers.delivery.record import Recorder


class Outbox:
    """Keeps what goes out, and says that all is well."""

    def __init__(self) -> None:
        self.sent: list[OutgoingRequest] = []

    def start(self, request: OutgoingRequest, listener: Listener) -> None:
        """See `Sender.start`."""
        self.sent.append(request)
        listener.ended(OK)

    async def send(self, request: OutgoingRequest) -> Outcome:
        """See `Sender.send`."""
        self.sent.append(request)
        return OK

    async def aclose(self) -> None:
        """See `Sender.aclose`."""


def unheard(_claimed: Claimed, _outcome: Outcome, _seconds: float) -> None:
    """Mind nothing."""


@pytest.fixture
async def recorder(database: Database) -> AsyncGenerator[Recorder]:
    """A recorder that runs until the test ends."""
    async with recorder_at_work(database) as made:
        yield made


async def test_an_attempt_is_signed_with_the_time_that_the_log_names(
    database: Database, rows: Rows, recorder: Recorder, delivery: DeliveryId
) -> None:
    outbox, settings = Outbox(), Settings()
    ring = KeyRing(SECRET_KEYS)
    attempts = Attempts(Leases(database, settings), outbox, recorder, ring, settings, unheard)
    claimed = await claim_one(database, delivery)
    own, tenant_id = SecretId(rows.new_id()), TenantId(claimed.tenant_id)
    sealed = seal_secret(ring, format_secret(new_secret()), tenant_id=tenant_id, secret_id=own)
    an_hour_ago = claimed.claimed_at - timedelta(hours=1)
    elsewhere = msgspec.structs.replace(claimed, claimed_at=an_hour_ago, keys=[own.bytes + sealed])

    over = asyncio.Event()

    def end(_claimed: Claimed, _error: BaseException | None) -> None:
        over.set()

    attempts.start(elsewhere, clock.monotonic(), end)
    await over.wait()

    (logged,) = await rows.attempts(delivery)
    (request,) = outbox.sent
    assert logged["started_at"] == elsewhere.claimed_at
    assert dict(request.headers)["webhook-timestamp"] == str(int(elsewhere.claimed_at.timestamp()))
