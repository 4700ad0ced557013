"""Every CHECK of the tables refuses the row that it is there for."""

import re
from uuid import UUID

import pytest
from sqlalchemy import CheckConstraint, Table, func
from sqlalchemy.exc import IntegrityError

from core.model import tables
from tests.support.rows import Rows
from tests.support.samples import URL, ago

NOW = func.now()
KEY = UUID(int=1)
BAD: dict[str, list[dict[str, object]]] = {
    "api_keys_hash": [{"hash": bytes(31)}, {"hash": bytes(33)}],
    "api_keys_owner": [{"owner": ""}, {"owner": "o" * 256}],
    "api_keys_scopes": [{"scopes": []}],
    "attempts_error": [{"outcome": "failed", "error": "bad_luck"}],
    "attempts_failed": [{"outcome": "failed"}, {"error": "timeout"}, {"outcome": "unknown", "error": "timeout"}],
    "attempts_number": [{"number": 0}],
    "attempts_outcome": [{"outcome": "sending"}],
    "attempts_response": [{"response_status": 200}, {"response_headers": []}],
    "attempts_response_body": [{"response_body": bytes(16_385)}],
    "attempts_trigger": [{"trigger": "whim"}],
    "dedupe_fingerprint": [{"fingerprint": bytes(31)}],
    "dedupe_key": [{"key": ""}, {"key": "k" * 2401}],
    "dedupe_kind": [{"kind": "task"}],
    "deliveries_cancelled": [{"reason": "client"}, {"status": "cancelled", "finished_at": NOW}],
    "deliveries_counts": [{"attempt_count": 1}, {"claim": -1, "attempt_count": -1}, {"step": -1}],
    "deliveries_ended": [{"finished_at": NOW}, {"status": "exhausted"}],
    "deliveries_owner": [{"endpoint_id": None, "url": URL}],
    "deliveries_reason": [{"status": "cancelled", "reason": "whim", "finished_at": NOW}],
    "deliveries_status": [{"status": "sending", "finished_at": NOW}],
    "deliveries_succeeded": [{"status": "succeeded", "finished_at": NOW}],
    "deliveries_target": [{"url": URL}],
    "deliveries_trigger": [{"trigger": "whim"}],
    "deliveries_wait_reason": [{"wait_reason": "whim"}],
    "deliveries_waiting": [{"due_at": None}, {"due_at": None, "status": "retrying"}],
    "endpoints_caps": [{"max_in_flight": 0}, {"max_in_flight": 1001}, {"rate_limit": 0}],
    "endpoints_disabled_reason": [{"status": "disabled"}, {"disabled_reason": "gone"}],
    "endpoints_mode": [{"mode": "poll"}],
    "endpoints_ordering": [{"ordering": "lifo"}],
    "endpoints_owner": [{"owner": ""}, {"owner": "o" * 256}],
    "endpoints_public_key": [{"public_key": "whpk_"}, {"signature": "ed25519"}],
    "endpoints_signature": [{"signature": "rsa"}],
    "endpoints_status": [{"status": "tired"}],
    "endpoints_target": [{"mode": "pull"}, {"url": ""}],
    "endpoints_timeout": [{"timeout": 0}, {"timeout": 31}],
    "endpoints_url": [{"url": "https://example.com/" + "x" * 2048}],
    "events_data": [{"data_length": 10_000}],
    "events_erased": [{"erased_at": NOW}, {"body": None}],
    "events_type": [{"type": "t" * 129}],
    "portal_links_hash": [{"hash": bytes(31)}, {"hash": bytes(33)}],
    "portal_links_owner": [{"owner": ""}, {"owner": "o" * 256}],
    "portal_links_role": [{"role": "admin"}],
    "rollups_latencies": [{"latencies": []}, {"latencies": [0] * 33}],
    "secrets_kind": [{"kind": "rsa"}],
    "sessions_credential": [{"key_id": None}, {"link_id": KEY, "key_id": KEY}],
    "sessions_hash": [{"hash": bytes(31)}, {"hash": bytes(33)}],
    "sessions_operator": [{"key_id": None, "operator_hash": bytes(32)}],
    "task_markers_name": [{"name": ""}, {"name": "n" * 201}],
    "task_markers_value": [{"value": bytes(16_385)}],
    "task_types_time_limits": [{"hard_time_limit": 1}, {"soft_time_limit": 0}],
    "tasks_content": [{"content": bytes(10_485_761)}],
    "tasks_ended": [{"status": "SUCCESS", "due_at": None}, {"finished_at": NOW}],
    "tasks_error": [{"status": "FAILURE", "due_at": None, "finished_at": NOW}],
    "tasks_result": [{"result": bytes(16_385)}],
    "tasks_run": [{"run": -1, "lost_count": -1}, {"lost_count": 1}],
    "tasks_running": [{"status": "STARTED", "due_at": None}, {"lease_until": ago(-60)}],
    "tasks_status": [{"status": "TIRED", "due_at": None}],
    "tasks_waiting": [{"due_at": None}, {"status": "STARTED", "lease_until": ago(-60)}],
    "tenants_limits": [{"waiting_tasks": -1}, {"running_tasks": 0}, {"retention_days": 0}, {"endpoints": -1}],
    "tenants_slug": [{"slug": "Acme"}, {"slug": "-acme"}, {"slug": ""}, {"slug": "a" * 64}],
}
CASES = [(name, columns) for name, rows in BAD.items() for columns in rows]


def table_of(constraint: str) -> Table:
    return next(
        table for name, table in tables.metadata.tables.items() if re.match(f"{name}_(?!types_|markers_)", constraint)
    )


def test_every_check_has_a_row_that_it_refuses() -> None:
    checks = {
        str(constraint.name)
        for table in tables.metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }

    assert checks == set(BAD)


@pytest.mark.parametrize(("name", "columns"), CASES, ids=[f"{name}-{'-'.join(bad)}" for name, bad in CASES])
async def test_a_check_refuses_a_bad_row(rows: Rows, name: str, columns: dict[str, object]) -> None:
    tenant = await rows.tenant()

    with pytest.raises(IntegrityError, match=f'check constraint "{name}"'):
        await rows.put(table_of(name), tenant, **columns)


@pytest.mark.parametrize(
    "table", [t for t in tables.metadata.sorted_tables if t.name not in {"tenants", "leases"}], ids=str
)
async def test_a_sample_row_is_good(rows: Rows, table: Table) -> None:
    tenant = await rows.tenant()

    await rows.put(table, tenant)

    assert await rows.one(f"SELECT count(*) AS rows FROM {table.name}") == {"rows": 1}


async def test_a_unique_key_is_taken_while_its_task_waits_runs_or_has_succeeded(rows: Rows) -> None:
    tenant = await rows.tenant()
    await rows.task(tenant, unique_key="once", status="SUCCESS", due_at=None, finished_at=NOW)

    with pytest.raises(IntegrityError, match="tasks_unique_key_idx"):
        await rows.task(tenant, unique_key="once")


@pytest.mark.parametrize("status", ["FAILURE", "REVOKED"])
async def test_a_unique_key_is_free_again_once_its_task_has_failed(rows: Rows, status: str) -> None:
    tenant = await rows.tenant()
    await rows.task(tenant, unique_key="k", status=status, due_at=None, finished_at=NOW, error_code="x")

    again = await rows.task(tenant, unique_key="k")

    assert (await rows.row(tables.tasks, again))["unique_key"] == "k"
