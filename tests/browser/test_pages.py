"""Each page, as each kind of person sees it: whole, quiet, open to everybody, and at home on its own origin."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.showcase import Showcase
from tests.support.visitor import Visitor, visiting

pytestmark = pytest.mark.xdist_group("dashboard")

DEVELOPERS = {
    "": "Overview",
    "deliveries": "Deliveries",
    "deliveries?status=exhausted&error=http_status": "Deliveries",
    "deliveries/{exhausted}": "order.paid",
    "deliveries/{succeeded}": "order.shipped",
    "events": "Events",
    "events/{event}": "order.paid",
    "endpoints": "Endpoints",
    "endpoints/{crm}": "/crm",
    "endpoints/{gone}": "/gone",
    "endpoints/{paused}": "/orders?paused",
    "tasks": "Tasks",
    "tasks/{running}": "tests.gated",
    "tasks/{failed}": "math.divide",
    "tasks/{done}": "words.count",
    "live": "Live",
    "event-types": "Event types",
    "event-types/order.paid": "order.paid",
    "keys": "Keys and links",
    "nowhere": "There is no such page",
}
OTHERS = {
    "operator": {
        "": "Overview",
        "tenants": "Tenants",
        "endpoints": "Endpoints",
        "live": "Live",
        "keys": "Keys and links",
    },
    "inspector": {
        "": "Overview",
        "deliveries": "Deliveries",
        "deliveries/{exhausted}": "order.paid",
        "events": "Events",
        "live": "Live",
    },
    "partner": {
        "": "Overview",
        "deliveries": "Deliveries",
        "deliveries/{northwind}": "order.paid",
        "endpoints": "Endpoints",
        "endpoints/{crm}": "/crm",
        "live": "Live",
    },
}
WALKS = [("developer", path, head) for path, head in DEVELOPERS.items()] + [
    (person, path, head) for person, pages in OTHERS.items() for path, head in pages.items()
]
LOOKS = ["", "deliveries/{exhausted}", "endpoints/{crm}", "tasks/{running}", "keys"]


@pytest.fixture(scope="package")
def places(show: Showcase) -> dict[str, str]:
    """IDs of what pages are about, by a name."""

    def first(**query: str) -> str:
        found = show.stack.client.get("/v1/deliveries", params={"limit": "1", **query}).raise_for_status().json()
        return str(found["data"][0]["id"])

    events = show.stack.client.get("/v1/events", params={"type": "order.paid", "limit": "1"}).raise_for_status().json()
    return {
        **show.endpoints,
        **show.tasks,
        "event": str(events["data"][0]["id"]),
        "exhausted": first(status="exhausted", event_type="order.paid"),
        "succeeded": first(status="succeeded", event_type="order.shipped"),
        "northwind": first(endpoint_id=show.endpoints["lost"]),
    }


@pytest.mark.parametrize(("person", "path", "head"), WALKS)
def test_a_page_is_whole_for_whoever_may_see_it(
    request: pytest.FixtureRequest, places: dict[str, str], person: str, path: str, head: str
) -> None:
    visitor: Visitor = request.getfixturevalue(person)
    visitor.troubles.clear()

    visitor.open(path.format_map(places))

    expect(visitor.page.locator("main h1")).to_contain_text(head)
    assert visitor.barriers() == []
    assert visitor.overflow() <= 0
    assert visitor.troubles == []


@pytest.fixture(scope="package")
def night(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """The developer at night, on a telephone."""
    with visiting(browser, show.url, dark=True, narrow=True) as visitor:
        visitor.sign_in(show.keys["developer"])
        yield visitor


@pytest.mark.parametrize("path", LOOKS)
def test_a_page_can_be_read_at_night_on_a_telephone(night: Visitor, places: dict[str, str], path: str) -> None:
    night.troubles.clear()

    night.open(path.format_map(places))

    assert night.barriers() == []
    assert night.overflow() <= 0
    assert night.troubles == []


@pytest.mark.parametrize("path", ["", "portal"])
def test_the_gates_are_open_to_everybody(stranger: Visitor, path: str) -> None:
    stranger.page.goto(f"{stranger.url}/dashboard/{path}")

    expect(stranger.page.locator("h1")).to_be_visible()
    assert stranger.barriers() == []
    assert stranger.troubles == []


@pytest.mark.parametrize(
    ("person", "places_seen"),
    [
        ("developer", 8),
        ("operator", 9),
        ("inspector", 5),
        ("partner", 4),
    ],
)
def test_everybody_is_offered_what_they_may_see(request: pytest.FixtureRequest, person: str, places_seen: int) -> None:
    visitor: Visitor = request.getfixturevalue(person)

    visitor.open("")

    expect(visitor.page.get_by_role("navigation").get_by_role("link")).to_have_count(places_seen)
