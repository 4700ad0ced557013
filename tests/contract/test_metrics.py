"""`/metrics` counts what waits, by type and state."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.stack import Stack


def samples(api: Stack) -> dict[tuple[str, ...], float]:
    text = api.client.get("/metrics").raise_for_status().text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


async def test_a_waiting_task_is_counted_with_its_age(api: Stack, client: httpx.AsyncClient) -> None:
    labels = ("default", "PENDING", "math.divide")  # queue, status, type
    before = samples(api).get(("ringback_tasks", *labels), 0)

    answer = await client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 2}})

    after = samples(api)
    assert answer.status_code == 303
    assert after["ringback_tasks", *labels] == before + 1
    assert after["ringback_tasks_oldest_seconds", *labels] >= 0


def test_the_window_and_the_deliveries_are_told(api: Stack) -> None:
    found = samples(api)

    assert found["ringback_window_room",] >= 0
    assert {("ringback_deliveries", state) for state in ("waiting", "due", "on_the_wire")} <= set(found)
