"""Pages hold what they show: whom they act for, what is shown once, what is typed, and who is signed in."""

import json
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.showcase import Showcase
from tests.support.visitor import Visitor, visiting

pytestmark = pytest.mark.xdist_group("dashboard")

SESSION: Final = "**/v1/session"
EXACT: Final = '{"big": 9007199254740993, "price": 1.000}'
EQUALS: Final = '{"path":"$.n","equals":9007199254740'
ANEW: Final = "key => fetch('/v1/session', { method: 'POST', headers: { Authorization: key } })"
LIMITED: Final = {"title": "Too many requests", "detail": "The tenant may make 1 requests a second."}


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def chosen(page: Page, tenant: str) -> None:
    """Wait until the page shows that it acts for this tenant."""
    expect(page.get_by_role("combobox", name="Tenant")).to_have_value(tenant)


def busy(method: str) -> Callable[[Route], None]:
    """Answer such requests as where a tenant makes too many."""

    def answer(route: Route) -> None:
        if route.request.method == method:
            route.fulfill(status=429, content_type="application/problem+json", json=LIMITED)
        else:
            route.continue_()

    return answer


def made_tenant(show: Showcase) -> str:
    slug = f"t-{uuid4().hex[:12]}"
    headers = {"Authorization": f"Bearer {show.stack.operator_key}"}
    show.stack.client.post("/v1/tenants", json={"slug": slug, "name": slug}, headers=headers).raise_for_status()
    return slug


def make_key(page: Page, name: str) -> None:
    button(page, "New key")
    page.get_by_label("Name").fill(name)
    button(page, "Make key")
    expect(page.get_by_role("dialog", name="API key")).to_contain_text("rb_")


def press_beside(page: Page) -> None:
    """Press in the dialog and let go beside it, then press beside it."""
    box = page.locator("dialog .sheet").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(5, 5)
    page.mouse.up()
    page.mouse.click(5, 5)


def test_a_tab_acts_for_the_tenant_that_it_shows(stranger: Visitor, show: Showcase) -> None:
    slug = made_tenant(show)
    stranger.sign_in(show.keys["operator"])
    stranger.act_for("acme")
    stranger.open("keys")
    other = stranger.context.new_page()
    other.goto(f"{stranger.url}/dashboard/")
    with other.expect_event("load"):
        other.get_by_role("combobox", name="Tenant").select_option(slug)
    chosen(other, slug)
    name = f"Till {uuid4().hex}"

    make_key(stranger.page, name)

    keys = show.stack.client.get("/v1/keys", params={"limit": 200}).json()["data"]
    assert name in {one["name"] for one in keys}
    stranger.page.reload()
    chosen(stranger.page, "acme")
    third = stranger.context.new_page()
    third.goto(f"{stranger.url}/dashboard/")
    chosen(third, slug)


def test_an_operator_who_closes_its_tenant_acts_for_another(stranger: Visitor, show: Showcase) -> None:
    slug = made_tenant(show)
    stranger.sign_in(show.keys["operator"])
    stranger.act_for(slug)
    stranger.open("tenants")
    stranger.page.get_by_role("row").filter(has_text=slug).get_by_role("button", name="Close").click()
    stranger.page.get_by_role("dialog").get_by_label("Slug").fill(slug)

    button(stranger.page, "Close the tenant")

    expect(stranger.page.get_by_text(f"There is no tenant {slug} any more.")).to_be_visible()
    stranger.page.get_by_role("link", name="Overview").click()
    expect(stranger.page.locator("main h1")).to_have_text("Overview")


def test_the_first_tenant_is_acted_for(stranger: Visitor, show: Showcase) -> None:
    slug = f"t-{uuid4().hex[:12]}"
    stranger.page.route("**/v1/tenants?limit=1", lambda route: route.fulfill(json={"data": [], "next_cursor": None}))
    stranger.sign_in(show.keys["operator"])
    expect(stranger.page.get_by_text("Make the first tenant")).to_be_visible()
    stranger.open("tenants")
    button(stranger.page, "New tenant")
    stranger.page.get_by_label("Name").fill("First")
    stranger.page.get_by_label("Slug").fill(slug)

    button(stranger.page, "Save")

    chosen(stranger.page, slug)


def test_a_press_beside_a_form_leaves_it(developer: Visitor) -> None:
    developer.open("events")
    button(developer.page, "Send event")
    developer.page.get_by_role("dialog").get_by_label("Type").fill("half.a")

    press_beside(developer.page)

    expect(developer.page.get_by_role("dialog").get_by_label("Type")).to_have_value("half.a")


def test_a_press_beside_a_key_that_is_shown_once_leaves_it(developer: Visitor) -> None:
    developer.open("keys")
    make_key(developer.page, "Till 8")

    press_beside(developer.page)

    expect(developer.page.get_by_role("dialog", name="API key")).to_contain_text("rb_")
    developer.page.keyboard.press("Escape")
    expect(developer.page.get_by_role("dialog")).to_have_count(0)


def test_an_event_is_sent_with_its_numbers_as_typed(developer: Visitor) -> None:
    developer.open("events")
    button(developer.page, "Send event")
    developer.page.get_by_role("dialog").get_by_label("Type").fill("exact.sent")
    developer.page.get_by_label("Data").fill(EXACT)

    with developer.page.expect_request("**/v1/events") as sent:
        developer.page.get_by_role("dialog").get_by_role("button", name="Send").click()

    assert sent.value.post_data == f'{{"type":"exact.sent","data":{EXACT.replace(" ", "")}}}'


def test_a_type_keeps_its_numbers_through_the_form(developer: Visitor, show: Showcase) -> None:
    where = f"/v1/event-types/exact.{uuid4().hex[:8]}"
    headers = {"Content-Type": "application/json"}
    body = f'{{"description": null, "schema": {{"maximum": 9007199254740993}}, "example": {EXACT}}}'
    show.stack.client.put(where, content=body, headers=headers).raise_for_status()
    developer.open(where.removeprefix("/v1/"))
    button(developer.page, "Edit")

    with developer.page.expect_request(lambda request: request.method == "PUT") as sent:
        button(developer.page, "Save")

    assert '"schema":{"maximum":9007199254740993}' in (sent.value.post_data or "")
    assert '"big":9007199254740993' in (sent.value.post_data or "")


def test_a_task_is_started_with_its_numbers_as_the_schema_and_the_person_spell_them(developer: Visitor) -> None:
    schema = '{"required": ["size"], "properties": {"size": {"type": "integer", "default": 9007199254740993}}}'
    types = f'{{"data": [{{"name": "math.divide", "description": "d", "input_schema": {schema}}}]}}'
    developer.page.route("**/v1/task-types", lambda route: route.fulfill(content_type="application/json", body=types))
    developer.open("tasks")
    button(developer.page, "Start task")
    expect(developer.page.get_by_label("Input")).to_have_value('{\n  "size": 9007199254740993\n}')
    developer.page.get_by_label("Input").fill(EXACT)

    with developer.page.expect_request("**/v1/tasks") as sent:
        developer.page.get_by_role("dialog").get_by_role("button", name="Start").click()

    assert f'"input":{EXACT.replace(" ", "")}' in (sent.value.post_data or "")
    developer.page.unroute_all()


def test_a_filter_keeps_its_numbers_and_is_sent_only_if_it_is_changed(developer: Visitor, show: Showcase) -> None:
    wanted = f'{{"url": "http://127.0.0.1:9999/{uuid4().hex}", "filter": {EQUALS}993}}}}'
    headers = {"Content-Type": "application/json"}
    made = show.stack.client.post("/v1/endpoints", content=wanted, headers=headers).raise_for_status().json()
    developer.open(f"endpoints/{made['id']}")
    button(developer.page, "Edit")
    expect(developer.page.get_by_label("Filter")).to_have_value(f"{EQUALS}993}}")
    developer.page.get_by_label("Description").fill("Exact")

    with developer.page.expect_request(lambda request: request.method == "PATCH") as sent:
        button(developer.page, "Save")

    assert json.loads(sent.value.post_data or "") == {"description": "Exact"}
    button(developer.page, "Edit")
    developer.page.get_by_label("Filter").fill(f"{EQUALS}995}}")
    with developer.page.expect_request(lambda request: request.method == "PATCH") as changed:
        button(developer.page, "Save")
    assert changed.value.post_data == f'{{"filter":{EQUALS}995}}}}'


def test_who_could_not_be_signed_out_is_told_so(stranger: Visitor, show: Showcase) -> None:
    stranger.sign_in(show.keys["client"])
    stranger.page.route(SESSION, busy("DELETE"))

    button(stranger.page, "Sign out")

    expect(stranger.page.get_by_text("You are still signed in. The tenant may make")).to_be_visible()
    stranger.page.unroute_all()
    button(stranger.page, "Sign out")
    expect(stranger.page.get_by_label("API key")).to_be_visible()


def test_who_signed_in_anew_elsewhere_is_not_said_to_be_signed_out(stranger: Visitor, show: Showcase) -> None:
    stranger.sign_in(show.keys["client"])
    stranger.page.evaluate(ANEW, f"Bearer {show.keys['developer']}")

    button(stranger.page, "Sign out")

    expect(stranger.page.get_by_text("You are still signed in. This browser signed in again")).to_be_visible()


def test_a_portal_that_could_not_read_its_session_tries_again(stranger: Visitor, show: Showcase) -> None:
    stranger.enter_portal(show.portal_link("northwind"))
    stranger.page.route(SESSION, lambda route: route.abort())
    stranger.page.reload()
    expect(stranger.page.get_by_role("alert")).to_contain_text("cannot be reached")
    stranger.page.unroute_all()
    stranger.page.route(SESSION, busy("GET"))
    button(stranger.page, "Try again")
    expect(stranger.page.get_by_role("alert")).to_contain_text("The tenant may make")
    stranger.page.unroute_all()

    button(stranger.page, "Try again")

    expect(stranger.page.locator(".shell main h1")).to_be_visible()


def test_a_year_of_five_digits_is_told_so(developer: Visitor, show: Showcase) -> None:
    developer.open(f"endpoints/{show.endpoints['closed']}")
    button(developer.page, "Recover")
    since = developer.page.get_by_label("Made from")

    since.evaluate("one => { one.value = '12026-01-01T00:00'; one.dispatchEvent(new Event('input')) }")

    expect(developer.page.get_by_role("alert")).to_contain_text("its year has four digits")
    since.fill("2026-01-01T00:00")
    expect(developer.page.get_by_role("dialog").locator(".preview")).to_be_visible()


@pytest.mark.parametrize(
    "take",
    [
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
        "Object.defineProperty(navigator, 'clipboard', { value: undefined })",
    ],
)
def test_what_could_not_be_copied_is_not_said_to_be(browser: Browser, show: Showcase, take: str) -> None:
    with visiting(browser, show.url) as visitor:
        visitor.context.add_init_script(take)
        visitor.sign_in(show.keys["developer"])
        visitor.open(f"endpoints/{show.endpoints['orders']}")

        visitor.page.get_by_role("button", name="Copy ep_").first.click()

        expect(visitor.page.get_by_role("button", name="copy it by hand")).to_be_visible()
        assert visitor.troubles == []


def test_what_was_said_once_is_not_said_again(stranger: Visitor, show: Showcase) -> None:
    stranger.page.goto(f"{stranger.url}/dashboard/")
    stranger.page.evaluate("localStorage.setItem('ringback.tenant', 'gone')")
    stranger.sign_in(show.keys["operator"])
    expect(stranger.page.get_by_text("There is no tenant gone any more.")).to_be_visible()
    button(stranger.page, "Sign out")

    stranger.page.get_by_label("API key").fill(show.keys["operator"])
    button(stranger.page, "Sign in")

    expect(stranger.page.locator(".shell main h1")).to_be_visible()
    assert not stranger.page.locator(".toasts").inner_text()


def test_what_is_offered_at_an_endpoint_is_what_the_api_takes(stranger: Visitor, show: Showcase) -> None:
    wish = {"name": "Hand", "scopes": ["endpoints:read", "endpoints:write"]}
    stranger.sign_in(show.post("/v1/keys", wish)["key"])
    stranger.open(f"endpoints/{show.endpoints['paused']}")
    button(stranger.page, "Recover")
    stranger.page.get_by_role("dialog").get_by_role("button", name="Recover").click()
    expect(stranger.page.locator(".progress")).to_contain_text("reopened.")
    stranger.page.keyboard.press("Escape")
    button(stranger.page, "Rotate secret")

    stranger.page.get_by_role("dialog").get_by_role("button", name="Rotate").click()

    expect(stranger.page.get_by_role("dialog", name="Signing secret")).to_contain_text("whsec_")
