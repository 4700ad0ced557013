"""Check a receiver: a task that sends it what it has to take and what it has to refuse.

Whoever has the key ring signs, here; the worker that sends has no keys, and the endpoint's own headers, which are
sealed too, are not sent. The task is one of Ringback's own: see `core.intake.recover`.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

import msgspec

from core.database import Database
from core.intake.accept import NewTask
from core.intake.dedupe import RequestKey
from core.intake.own_tasks import OwnTasks
from core.intake.submitted import Submitted, answered
from core.model import conformance, ids
from core.model.errors import ConflictError, NotFoundError
from core.model.ids import EndpointId, TaskId, TenantId, new_uuid7
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, parse_secret
from core.registry.queries import read_endpoint, read_secret
from core.registry.secrets import open_secret
from core.registry.task_types import TaskType

CHECK: Final = TaskType(
    name="endpoints.check",
    description="Tries what a receiver takes and what it refuses.",
    queue="network",
    input_schema={},
    output_schema={},
    soft_time_limit=450,  # 11 messages that are answered at the last moment of 30 s, and some time more
    hard_time_limit=480,
    retry_policy={"max_attempts": 1},
)


class Checks:
    """Starts checks."""

    def __init__(self, database: Database, tasks: OwnTasks, ring: KeyRing) -> None:
        self._database: Final = database
        self._tasks: Final = tasks
        self._ring: Final = ring

    async def start(
        self,
        tenant_id: TenantId,
        owner: str | None,
        endpoint_id: EndpointId,
        *,
        status: int = HTTPStatus.SEE_OTHER,
        key: RequestKey | None = None,
        traceparent: str | None = None,
    ) -> Submitted:
        """Record the task of a check and return it once it is committed; or the one that has not ended yet.

        `status` is what the answer will be, kept with the key.
        Raises `NotFoundError` for an endpoint that this owner does not see, `ConflictError` for one to pull from, and
        what `OwnTasks.start` raises.
        """
        if before := await answered(self._database, key):
            return before
        signing, headers = await self._read(tenant_id, owner, endpoint_id)
        new = self._new_task(tenant_id, endpoint_id, signing, headers=headers)
        new = replace(new, traceparent=traceparent)
        return await self._tasks.start(new, status=status, key=key)

    async def _read(self, tenant_id: TenantId, owner: str | None, endpoint_id: EndpointId) -> tuple[SigningKey, bool]:
        """Return what an endpoint's messages are signed with, and whether it has headers of its own."""
        async with self._database.tenant(tenant_id, owner) as tx:
            endpoint = await read_endpoint(tx, endpoint_id=endpoint_id)
            sealed = await read_secret(tx, endpoint_id=endpoint_id)
        if endpoint is None or sealed is None:
            raise NotFoundError("endpoint")
        if endpoint.mode == "pull":
            raise ConflictError("Nothing is sent to this endpoint: it is pulled from.")
        text = open_secret(self._ring, sealed.sealed, tenant_id=tenant_id, secret_id=sealed.id)
        return parse_secret(text), endpoint.sealed_headers is not None

    def _new_task(self, tenant_id: TenantId, endpoint_id: EndpointId, signing: SigningKey, *, headers: bool) -> NewTask:
        now = self._database.unix_seconds()

        def new_id() -> str:
            return ids.encode(ids.EVENT, new_uuid7(now))

        endpoint = ids.encode(ids.ENDPOINT, endpoint_id)
        written = {
            "endpoint_id": endpoint,
            "messages": conformance.messages([signing], now=int(now), new_id=new_id),
            "headers_left_out": headers,
        }
        return NewTask(
            id=TaskId(new_uuid7(now)),
            tenant_id=tenant_id,
            type=CHECK,
            input=msgspec.json.encode(written),
            metadata={},
            unique_key=endpoint,
        )
