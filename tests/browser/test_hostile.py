"""What others send is shown as text: nothing of it runs, loads, or leads anywhere."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.hostile import PAYLOADS, Trap, lay, visible
from tests.support.showcase import Showcase
from tests.support.threaded import ThreadedReceiver
from tests.support.visitor import Visitor, visiting

pytestmark = pytest.mark.xdist_group("dashboard")

SHOWN = sorted(visible(one) for one in PAYLOADS)


@pytest.fixture(scope="module")
def trap(show: Showcase) -> Generator[Trap]:
    """A tenant all of whose texts are hostile."""
    with ThreadedReceiver() as receiver:
        yield lay(show, receiver)


@pytest.fixture(scope="module")
def victim(browser: Browser, show: Showcase, trap: Trap) -> Generator[Visitor]:
    """Who looks at all of it."""
    with visiting(browser, show.url) as visitor:
        visitor.sign_in(trap.key)
        yield visitor


def test_there_are_forty() -> None:
    assert len(set(PAYLOADS)) == 40


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("endpoints", "td:nth-child(2) .dim .line"),
        ("endpoints", "td:nth-child(4) .line"),
        ("keys", "section:nth-of-type(1) td:nth-child(1) .line"),
        ("keys", "section:nth-of-type(2) td:nth-child(1) .line"),
    ],
)
def test_each_text_of_a_list_is_shown_as_it_is(victim: Visitor, path: str, column: str) -> None:
    victim.troubles.clear()

    victim.open(path)

    expect(victim.page.locator(column).filter(has_text="=HYPERLINK").first).to_be_visible()
    shown = victim.page.locator(column).all_text_contents()
    assert set(SHOWN) <= set(shown)
    assert victim.troubles == []


@pytest.mark.parametrize("place", ["the request's body", "the response's body", "Response headers"])
def test_each_text_of_an_attempt_is_shown_as_it_is(victim: Visitor, trap: Trap, place: str) -> None:
    victim.troubles.clear()

    victim.open(f"deliveries/{trap.delivery}")

    shown = victim.page.locator(f"[aria-label={place!r}], table:has(caption:text-is({place!r}))").inner_text()
    assert [one for one in SHOWN if one not in shown.replace('\\"', '"')] == []
    assert victim.troubles == []


@pytest.mark.parametrize(
    "path",
    [
        *("", "deliveries", "events", "events/{event}", "endpoints/{endpoint}", "tasks", "tasks/{task}", "live"),
        *("event-types", "event-types/trap.all", "deliveries?event_type=<script>alert(1)</script>", "<script>alert(1)"),
    ],
)
def test_no_page_runs_or_loads_what_others_sent(victim: Visitor, trap: Trap, path: str) -> None:
    victim.troubles.clear()

    victim.open(path.format(event=trap.event, endpoint=trap.endpoint, task=trap.task))

    assert victim.page.locator("main :is(script, iframe, img, object, embed, form[action], style, base)").count() == 0
    assert victim.troubles == []


def test_a_dialog_holds_hostile_text_as_text(victim: Visitor, trap: Trap) -> None:
    victim.troubles.clear()
    victim.open(f"endpoints/{trap.endpoint}")

    victim.page.get_by_role("button", name="Edit").click()

    assert PAYLOADS[0] in victim.page.get_by_label("Description").input_value()
    assert victim.troubles == []


def test_the_tenants_name_is_shown_as_it_is(operator: Visitor, trap: Trap) -> None:
    operator.troubles.clear()

    operator.open("tenants")

    expect(operator.page.locator("tbody")).to_contain_text(PAYLOADS[3])
    assert trap.key
    assert operator.troubles == []
