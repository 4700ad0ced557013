"""`/metrics` counts what waits and what ended, by type and state, and says how the broker is."""

import re
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.embedded.ports import free_port
from core.model import tables
from tests.support.accounts import Account
from tests.support.brokers import QUEUES
from tests.support.compose import read
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import Stack, eventually

# queue, status, type: Prometheus writes labels in the order of their names.
LABELS = ("default", "PENDING", "math.divide")
BODY = {"type": "math.divide", "input": {"x": 1, "y": 2}}


def samples(api: Stack) -> dict[tuple[str, ...], float]:
    text = api.client.get("/metrics").raise_for_status().text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


@pytest.fixture
def lonely(tmp_path: Path, api_database: str, redis_store: str) -> Generator[Stack]:
    """An API whose broker is away."""
    stack = Stack(tmp_path, database=api_database, broker=f"amqp://127.0.0.1:{free_port()}//", redis=redis_store)
    try:
        stack.start("api")
        eventually(lambda: stack.client.get("/healthz").raise_for_status(), within=90)
        yield stack
    finally:
        stack.close()


async def test_a_waiting_task_is_counted_with_its_age(api: Stack, client: httpx.AsyncClient) -> None:
    before = samples(api).get(("ringback_tasks", *LABELS), 0)

    answer = await client.post("/v1/tasks", json=BODY)

    after = samples(api)
    assert answer.status_code == 303
    assert after["ringback_tasks", *LABELS] == before + 1
    assert after["ringback_tasks_oldest_seconds", *LABELS] >= 0


async def test_an_ended_task_is_counted_by_how_it_ended(api: Stack, client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/tasks", json=BODY | {"delay": 60})

    await client.post(f"{made.headers['location']}/cancel")

    assert samples(api)["ringback_tasks_ended_last_minute", "default", "REVOKED", "math.divide"] >= 1


def test_a_type_of_which_no_task_ended_is_told_too(api: Stack) -> None:
    found = samples(api)

    assert {
        ("ringback_tasks_ended_last_minute", "default", status, "math.divide")
        for status in ("SUCCESS", "FAILURE", "REVOKED")
    } <= set(found)


def test_the_window_and_the_deliveries_are_told(api: Stack) -> None:
    found = samples(api)

    assert found["ringback_window_room",] >= 0
    assert found["ringback_deliveries_oldest_seconds",] >= 0
    assert {("ringback_deliveries", state) for state in ("waiting", "due", "on_the_wire")} <= set(found)


LAST_BUCKET = "SELECT date_bin('5 min', now() - INTERVAL '5 min', '2000-01-01Z') AS at"


async def test_attempts_are_counted_by_outcome_and_error(api: Stack, acme: Account, rows: Rows) -> None:
    at = (await rows.one(LAST_BUCKET))["at"]
    before = samples(api)  # other tests leave theirs
    await rows.put(tables.rollups, acme.tenant_id, bucket=at, succeeded=5, failed=3, timeout=2, dns=1, unknown=1)

    found = samples(api)

    name = "ringback_attempts_last_five_minutes"  # the error comes first
    told = [(name, "", "succeeded"), (name, "timeout", "failed"), (name, "dns", "failed"), (name, "", "unknown")]
    assert [found[one] - before.get(one, 0) for one in told] == [5, 2, 1, 1]


async def test_the_share_of_attempts_that_opened_a_connection_is_told(api: Stack, acme: Account, rows: Rows) -> None:
    at = (await rows.one(LAST_BUCKET))["at"]
    await rows.put(tables.rollups, acme.tenant_id, bucket=at, succeeded=6, failed=2, connected=2)
    sums = "SELECT sum(connected)::FLOAT8 / sum(succeeded + failed) AS share FROM rollups WHERE bucket = :at"
    share = (await rows.one(sums, at=at))["share"]  # other tests leave theirs

    found = samples(api)

    assert found[("ringback_cold_connections_ratio",)] == share


@pytest.mark.parametrize(
    ("state", "columns"),
    [("disabled", {"status": "disabled", "disabled_reason": "gone"}), ("failing", {"failing_since": ago(60)})],
)
async def test_endpoints_in_trouble_are_counted(
    api: Stack, acme: Account, rows: Rows, state: str, columns: dict[str, object]
) -> None:
    before = samples(api)["ringback_endpoints", state]

    await rows.endpoint(acme.tenant_id, **columns)

    assert samples(api)["ringback_endpoints", state] == before + 1


def test_every_metric_stands_in_the_documents(api: Stack) -> None:
    families = {family.name for family in text_string_to_metric_families(api.client.get("/metrics").text)}

    documented = set(re.findall(r"^\| `(\w+)` \|", read("docs/operations/metrics.md"), re.MULTILINE))

    assert families == documented


def test_the_broker_and_each_of_its_queues_are_told(api: Stack) -> None:
    found = samples(api)

    assert found["ringback_broker_connected",] == 1
    assert {key for key in found if key[0] == "ringback_queue_messages"} == {
        ("ringback_queue_messages", queue) for queue in QUEUES
    }


def test_a_broker_that_is_away_is_told_and_its_queues_are_not(lonely: Stack) -> None:
    found = samples(lonely)

    assert (found["ringback_broker_connected",], found["ringback_window_room",]) == (0, 0)
    assert [name for name, *_ in found if name == "ringback_queue_messages"] == []
