"""Lists whose pages hold few or nothing, and go on all the same."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.support.showcase import Showcase
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")

LISTED: Final = "**/v1/deliveries?*"
EMPTY: Final[dict[str, object]] = {"data": [], "next_cursor": "further"}


def answering(found: dict[str, object]) -> Callable[[Route], None]:
    """Answer the first page with nothing but a cursor, and the page behind that with this."""

    def answer(route: Route) -> None:
        cursor = parse_qs(urlsplit(route.request.url).query).get("cursor")
        route.fulfill(json=found if cursor == ["further"] else EMPTY)

    return answer


def test_a_list_looks_further_back_by_itself(developer: Visitor) -> None:
    answer = developer.context.request.get(f"{developer.url}/v1/deliveries?limit=1").json()
    developer.page.route(LISTED, answering({"data": answer["data"], "next_cursor": None}))

    developer.page.goto(f"{developer.url}/dashboard/deliveries?event_type=rare.one")

    expect(developer.page.locator("main tbody tr")).to_have_count(1)
    developer.page.unroute_all()


def test_a_list_says_when_it_has_looked_at_all(developer: Visitor) -> None:
    developer.page.route(LISTED, answering({"data": [], "next_cursor": None}))

    developer.page.goto(f"{developer.url}/dashboard/deliveries?event_type=rare.one")

    expect(developer.page.get_by_text("Nothing fits these filters")).to_be_visible()
    developer.page.unroute_all()


def test_a_list_that_finds_nothing_for_long_asks_whether_to_go_on(developer: Visitor) -> None:
    developer.page.route(LISTED, lambda route: route.fulfill(json=EMPTY))

    developer.page.goto(f"{developer.url}/dashboard/deliveries?event_type=rare.one")

    expect(developer.page.get_by_text("Nothing yet.", exact=True)).to_be_visible()
    expect(developer.page.get_by_role("button", name="Look further back")).to_be_enabled()
    developer.page.unroute_all()


def one_at_a_time(route: Route) -> None:
    """Ask for pages of one, as where bodies are long."""
    route.continue_(url=route.request.url.replace("limit=200", "limit=1"))


def test_a_delivery_shows_the_attempts_of_each_page(developer: Visitor, show: Showcase) -> None:
    wanted = {"endpoint_id": show.endpoints["garbage"], "status": "exhausted", "limit": "1"}
    found = show.stack.client.get("/v1/deliveries", params=wanted).json()["data"][0]
    developer.page.route("**/attempts*", one_at_a_time)

    developer.open(f"deliveries/{found['id']}")

    expect(developer.page.get_by_role("heading", name=f"Attempt {found['attempt_count']}", exact=True)).to_be_visible()
    developer.page.unroute_all()
