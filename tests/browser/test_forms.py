"""Forms hold what is typed: while the page behind them reads on, after a refusal, and against what others change."""

from typing import cast
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, Response, expect

from tests.support.showcase import Showcase
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")


def made(show: Showcase, **options: object) -> str:
    """Register an endpoint that nothing else looks at, and return its ID."""
    wanted = {"url": f"http://127.0.0.1:9999/{uuid4().hex}", "description": "as it was", **options}
    return str(show.stack.client.post("/v1/endpoints", json=wanted).raise_for_status().json()["id"])


def now(show: Showcase, endpoint: str) -> dict[str, object]:
    return cast("dict[str, object]", show.stack.client.get(f"/v1/endpoints/{endpoint}").raise_for_status().json())


def read_on(page: Page, path: str) -> None:
    """Return once the page has drawn what it read again by itself: at its second answer the first is shown."""

    def fits(answer: Response) -> bool:
        return answer.request.method == "GET" and httpx.URL(answer.url).path == path

    for _ in range(2):
        with page.expect_response(fits):
            pass


def edit(visitor: Visitor, endpoint: str) -> None:
    visitor.open(f"endpoints/{endpoint}")
    visitor.page.get_by_role("button", name="Edit", exact=True).click()


def test_a_form_keeps_what_is_typed_while_the_page_reads_on(developer: Visitor, show: Showcase) -> None:
    endpoint = made(show)
    edit(developer, endpoint)
    developer.page.get_by_label("Description").fill("half a sent")
    developer.page.get_by_label("Signature").select_option("ed25519")

    read_on(developer.page, f"/v1/endpoints/{endpoint}")

    expect(developer.page.get_by_label("Description")).to_have_value("half a sent")
    expect(developer.page.get_by_label("Signature")).to_have_value("ed25519")


def test_a_form_that_was_refused_keeps_what_was_typed(developer: Visitor) -> None:
    developer.open("endpoints")
    developer.page.get_by_role("button", name="Add endpoint").click()
    developer.page.get_by_label("URL").fill("http://169.254.169.254/latest")
    developer.page.get_by_label("Description").fill("where it runs")

    developer.page.get_by_role("dialog").get_by_role("button", name="Add").click()

    expect(developer.page.locator(".wrong")).to_contain_text("/url")
    expect(developer.page.get_by_label("URL")).to_have_value("http://169.254.169.254/latest")
    expect(developer.page.get_by_label("Description")).to_have_value("where it runs")


def test_an_edit_changes_only_what_was_edited(developer: Visitor, show: Showcase) -> None:
    endpoint = made(show, headers={"authorization": "Bearer secret"}, event_types=["order.*"])
    edit(developer, endpoint)
    developer.page.get_by_label("In flight at once").fill("7")
    show.stack.client.patch(f"/v1/endpoints/{endpoint}", json={"description": "by another", "timeout": 9})

    developer.page.get_by_role("button", name="Save").click()

    expect(developer.page.locator(".lead")).to_have_text("by another")
    known = now(show, endpoint)
    assert (known["max_in_flight"], known["description"], known["timeout"]) == (7, "by another", 9)
    assert (known["event_types"], list(cast("dict[str, str]", known["headers"]))) == (["order.*"], ["authorization"])


def test_what_is_emptied_is_taken_away(developer: Visitor, show: Showcase) -> None:
    options: dict[str, object] = {"headers": {"x-team": "blue"}, "event_types": ["order.*"], "rate_limit": 5}
    endpoint = made(show, filter="$[?@.amount > 1]", **options)
    edit(developer, endpoint)
    for label in ("Description", "Event types", "Rate limit", "Filter", "Headers"):
        developer.page.get_by_label(label, exact=False).fill("")

    developer.page.get_by_role("button", name="Save").click()

    expect(developer.page.get_by_role("dialog")).to_have_count(0)
    known = now(show, endpoint)
    emptied = [known[name] for name in ("description", "event_types", "rate_limit", "filter", "headers")]
    assert emptied == [None, None, None, None, {}]


def test_a_filter_keeps_what_is_typed_while_the_list_reads_on(developer: Visitor) -> None:
    developer.open("deliveries")
    place = developer.page.get_by_role("search").get_by_label("Event type")
    place.press_sequentially("customer.upd")

    read_on(developer.page, "/v1/deliveries")

    expect(place).to_have_value("customer.upd")


def test_a_filter_that_is_cleared_is_empty_again(developer: Visitor) -> None:
    developer.open("deliveries?event_type=customer.updated")
    place = developer.page.get_by_role("search").get_by_label("Event type")
    expect(place).to_have_value("customer.updated")

    developer.page.get_by_role("button", name="Clear").click()

    expect(place).to_have_value("")
