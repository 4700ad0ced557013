"""Pages read on by themselves: what is slow, new, gone or not to be read is shown as it is."""

from json import dumps
from re import compile as pattern
from typing import Final, cast

import pytest
from playwright.sync_api import Route, expect

from tests.browser.test_forms import made
from tests.support.held_back import Held, Rows, attempts
from tests.support.showcase import Showcase
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")

ATTEMPT: Final = {
    "delivery_id": "dlv_x",
    "event_type": "order.paid",
    "url": "http://127.0.0.1",
    "number": 1,
    "trigger": "first",
    "outcome": "succeeded",
    "response_status": 200,
    "error": None,
    "duration_ms": {"total": 1},
}
LISTED: Final = "**/v1/deliveries?*"
ROWS: Final = "main tbody tr"
TURN: Final = 6_000
"""Milliseconds in which each page reads again."""
_TO_THE_END: Final = """() => {
  scrollTo(0, document.body.scrollHeight);
  return ![...document.querySelectorAll("main button")].some((one) => one.textContent === "Load more");
}"""
REFUSED: Final = {"title": "Service unavailable", "detail": "Nothing is read now.", "status": 503}


@pytest.fixture
def reader(stranger: Visitor, show: Showcase) -> Visitor:
    """The developer, at a page of their own, whose clock the test sets."""
    stranger.sign_in(show.keys["developer"])
    stranger.page.clock.install()
    return stranger


def delivery_of(show: Showcase) -> dict[str, object]:
    """Return a delivery as lists show it."""
    found = show.stack.client.get("/v1/deliveries", params={"limit": "1"}).raise_for_status().json()
    return cast("dict[str, object]", found["data"][0])


def shown(visitor: Visitor) -> list[int]:
    """Return the numbers of the deliveries that are listed."""
    links = visitor.page.locator(f"{ROWS} .event a")
    found = cast("list[str]", links.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))"))
    return [int(one.rpartition("_")[2]) for one in found]


def grow(visitor: Visitor, rows: Rows, *counts: int) -> None:
    """Have rows come in, and return once they are shown."""
    for count in counts:
        rows.newest += count
        visitor.page.clock.run_for(TURN)
        expect(visitor.page.locator(f"{ROWS} .event a").first).to_have_attribute("href", pattern(f"dlv_{rows.newest}$"))


def read_a_second_page(visitor: Visitor) -> None:
    """Read on at the end of a list, and look at its beginning again."""
    visitor.page.get_by_role("button", name="Load more").scroll_into_view_if_needed()
    expect(visitor.page.locator(ROWS)).to_have_count(100)
    visitor.page.evaluate("scrollTo(0, 0)")


def read_to_the_end(visitor: Visitor) -> list[int]:
    """Read on to the end of a list, and return what is listed then."""
    visitor.page.wait_for_function(_TO_THE_END)
    return shown(visitor)


def refuse(route: Route) -> None:
    route.fulfill(status=503, json=REFUSED)


def test_a_read_that_takes_longer_than_a_turn_is_shown(reader: Visitor, show: Showcase) -> None:
    held = Held()
    reader.page.route(f"**/v1/tasks/{show.tasks['done']}", held.take)
    reader.page.goto(f"{reader.url}/dashboard/tasks/{show.tasks['done']}")
    expect(reader.page.locator("main h1")).to_have_text("Task")

    reader.page.clock.run_for(TURN)

    (only,) = held.reads
    only.continue_()
    expect(reader.page.locator("h1 .badge")).to_have_text("Succeeded")


def test_a_list_that_takes_longer_than_a_turn_is_shown(reader: Visitor) -> None:
    held = Held()
    reader.page.route(LISTED, held.take)
    reader.page.goto(f"{reader.url}/dashboard/deliveries")
    expect(reader.page.locator("main h1")).to_have_text("Deliveries")

    reader.page.clock.run_for(2 * TURN)

    (only,) = held.reads
    only.continue_()
    expect(reader.page.locator(ROWS).first).to_be_visible()


def test_what_was_read_before_a_change_is_not_the_last_word(reader: Visitor, show: Showcase) -> None:
    endpoint = made(show)
    before = show.stack.client.get(f"/v1/endpoints/{endpoint}").json()
    reader.open(f"endpoints/{endpoint}")
    held, path = Held(), f"**/v1/endpoints/{endpoint}"
    reader.page.route(path, held.take)
    with reader.page.expect_request(path):
        reader.page.clock.run_for(TURN)

    with reader.page.expect_request(path):
        reader.page.get_by_role("button", name="Pause", exact=True).click()
    expect(reader.page.get_by_text("Paused: deliveries wait.")).to_be_visible()
    old, new = held.reads
    new.continue_()
    expect(reader.page.locator(".notice")).to_contain_text("Paused.")
    old.fulfill(json=before)
    with reader.page.expect_request(path):
        reader.page.clock.run_for(TURN)

    expect(reader.page.locator(".notice")).to_contain_text("Paused.")


def test_a_list_shows_what_was_asked_for_however_much_comes_in(reader: Visitor, show: Showcase) -> None:
    rows = Rows(delivery_of(show), newest=1000, oldest=1)
    reader.page.route(LISTED, rows.answer)
    reader.open("deliveries")
    grow(reader, rows, 30)
    assert shown(reader) == list(range(1030, 980, -1))

    read_a_second_page(reader)
    grow(reader, rows, 30, 30, 30)

    found = shown(reader)
    assert found == list(range(1120, 1120 - len(found), -1))
    assert 100 <= len(found) < 150


def test_a_list_that_was_cut_is_read_on_without_a_hole(reader: Visitor, show: Showcase) -> None:
    rows = Rows(delivery_of(show), newest=200, oldest=51)
    reader.page.route(LISTED, rows.answer)
    reader.open("deliveries")
    read_a_second_page(reader)
    grow(reader, rows, 40, 40)
    assert len(shown(reader)) < 150

    assert read_to_the_end(reader) == list(range(280, 50, -1))


def test_a_first_page_that_ends_early_leaves_no_hole(reader: Visitor, show: Showcase) -> None:
    rows = Rows(delivery_of(show), newest=1000, oldest=980, limit=5)
    reader.page.route(LISTED, rows.answer)
    reader.open("deliveries")
    assert read_to_the_end(reader) == list(range(1000, 979, -1))

    grow(reader, rows, 10)

    assert read_to_the_end(reader) == list(range(1010, 979, -1))


def test_a_list_that_cannot_be_read_says_so_above_what_it_shows(reader: Visitor) -> None:
    reader.open("deliveries")
    expect(reader.page.locator(ROWS).first).to_be_visible()
    reader.page.route(LISTED, refuse)

    reader.page.clock.run_for(TURN)

    expect(reader.page.get_by_role("alert")).to_contain_text("Nothing is read now.")
    expect(reader.page.locator(ROWS).first).to_be_visible()
    reader.page.unroute_all()
    reader.page.get_by_role("button", name="Try again").click()
    expect(reader.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("path", ["endpoints/{}", "stats?*endpoint_id={}"])
def test_an_endpoint_that_cannot_be_read_says_so(reader: Visitor, show: Showcase, path: str) -> None:
    reader.open(f"endpoints/{show.endpoints['orders']}")
    reader.page.route(f"**/v1/{path.format(show.endpoints['orders'])}", refuse)

    reader.page.clock.run_for(TURN)

    expect(reader.page.get_by_role("alert")).to_contain_text("Nothing is read now.")
    expect(reader.page.locator(".notice")).to_be_visible()


def test_an_endpoint_that_is_gone_is_not_shown_any_more(reader: Visitor, show: Showcase) -> None:
    endpoint = made(show)
    reader.open(f"endpoints/{endpoint}")
    expect(reader.page.locator("h1 .badge")).to_have_text("Enabled")
    show.stack.client.delete(f"/v1/endpoints/{endpoint}").raise_for_status()

    reader.page.clock.run_for(TURN)

    expect(reader.page.locator("main h1")).to_have_text("Endpoint")
    expect(reader.page.get_by_role("alert")).to_be_visible()
    expect(reader.page.locator(".notice")).to_have_count(0)


def test_a_stream_whose_session_ended_leads_to_the_sign_in(reader: Visitor) -> None:
    reader.page.route("**/v1/stream", lambda route: route.fulfill(status=401, json={"title": "Unauthorized"}))

    reader.page.goto(f"{reader.url}/dashboard/live")

    expect(reader.page.get_by_label("API key")).to_be_visible()


def test_a_change_that_nobody_answers_is_not_said_to_be_tried_again(reader: Visitor) -> None:
    reader.open("keys")
    reader.page.get_by_role("button", name="New key").click()
    reader.page.get_by_label("Name").fill("Till 8")
    reader.page.route("**/v1/keys", lambda route: route.abort())

    reader.page.get_by_role("button", name="Make key").click()

    alert = reader.page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("Whether this was done is not known")
    expect(alert).not_to_contain_text("It is tried again")


def test_the_last_minute_counts_more_than_is_listed(reader: Visitor) -> None:
    told = {**ATTEMPT, "started_at": reader.page.evaluate("new Date().toISOString()")}
    stream = "".join(f"id: {at}\nevent: attempt\ndata: {dumps(told)}\n\n" for at in range(700))
    reader.page.route(
        "**/v1/stream", lambda route: route.fulfill(content_type="text/event-stream", body=stream), times=1
    )

    reader.page.goto(f"{reader.url}/dashboard/live")

    expect(reader.page.locator("figcaption")).to_contain_text("most at once 700")
    expect(reader.page.locator(ROWS)).to_have_count(500)


def test_the_next_test_is_not_shown_as_the_one_before(reader: Visitor, show: Showcase) -> None:
    reader.open(f"endpoints/{show.endpoints['orders']}")
    reader.page.get_by_role("button", name="Send test").click()
    dialog = reader.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("The receiver answered 200")
    before = cast("str", dialog.get_by_role("link").get_attribute("href"))
    reader.page.route(pattern(r"/v1/deliveries/dlv_"), Held().take)

    dialog.get_by_role("button", name="Send another").click()

    expect(dialog.get_by_role("link")).not_to_have_attribute("href", before)
    expect(dialog.get_by_role("status")).not_to_contain_text("The receiver answered")


def test_of_many_attempts_the_latest_are_shown(reader: Visitor, show: Showcase) -> None:
    wanted = {"endpoint_id": show.endpoints["garbage"], "status": "exhausted", "limit": "1"}
    found = show.stack.client.get("/v1/deliveries", params=wanted).json()["data"][0]["id"]
    like = show.stack.client.get(f"/v1/deliveries/{found}/attempts").json()["data"][0]
    asked: list[str] = []
    reader.page.route("**/attempts*", attempts(like, asked, 403))

    reader.open(f"deliveries/{found}")

    expect(reader.page.get_by_role("heading", name="Attempt 403", exact=True)).to_be_visible()
    with reader.page.expect_response("**/attempts*cursor=400"):
        reader.page.clock.run_for(2 * TURN)
    assert asked == ["0", "200", "400", "200", "400"]
    reader.page.locator(".timeline .step").first.click()
    expect(reader.page.get_by_text("shown of the latest attempts only")).to_be_visible()
