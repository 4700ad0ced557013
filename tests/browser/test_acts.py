"""What people do in the dashboard, and what they see come of it."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.support.answers import Answer
from tests.support.showcase import Showcase, rare
from tests.support.threaded import ThreadedReceiver
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_key_that_is_none_is_told_so(stranger: Visitor) -> None:
    stranger.page.goto(f"{stranger.url}/dashboard/")
    stranger.page.get_by_label("API key").fill("rb_nothing")

    button(stranger.page, "Sign in")

    expect(stranger.page.get_by_role("alert")).to_contain_text("not a key that works")


def test_signing_out_ends_the_session(stranger: Visitor, show: Showcase) -> None:
    stranger.sign_in(show.keys["client"])
    (cookie,) = stranger.context.cookies()

    button(stranger.page, "Sign out")

    expect(stranger.page.get_by_label("API key")).to_be_visible()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"]) == ("__Host-ringback", True, True)  # pyright: ignore[reportTypedDictNotRequiredAccess] - a cookie that is there has them
    assert stranger.context.cookies() == []


def test_a_portal_link_opens_by_a_button_and_once(stranger: Visitor, show: Showcase) -> None:
    link = show.portal_link("northwind")
    stranger.enter_portal(link)
    expect(stranger.page.get_by_text("northwind", exact=True).first).to_be_visible()
    stranger.context.clear_cookies()
    stranger.page.goto("about:blank")

    stranger.page.goto(link)
    button(stranger.page, "Open the portal")

    expect(stranger.page.get_by_role("alert")).to_contain_text("used before")


def around(receiver: ThreadedReceiver, link: str, host: str) -> str:
    """Return the URL of a page on this host that shows a link in a frame."""
    page = f'<!doctype html><iframe src="{link}" width="1200" height="800"></iframe>'
    receiver.script(Answer(200, {"content-type": "text/html"}, page.encode()), path="/around")
    return receiver.receiver.url_for(host, "/around")


def test_a_page_of_an_allowed_origin_shows_the_portal_in_a_frame(
    stranger: Visitor, show: Showcase, receiver: ThreadedReceiver
) -> None:
    stranger.page.goto(around(receiver, show.portal_link("northwind"), "localhost"))
    frame = stranger.page.frame_locator("iframe")
    frame.get_by_role("button", name="Open the portal").click()

    frame.get_by_role("link", name="Endpoints", exact=True).click()

    expect(frame.locator("tbody tr")).to_have_count(4)
    expect(frame.locator(".brand")).to_have_text("Acme webhooks")


def test_no_other_page_shows_the_portal_in_a_frame(
    stranger: Visitor, show: Showcase, receiver: ThreadedReceiver
) -> None:
    stranger.page.goto(around(receiver, show.portal_link("northwind"), "127.0.0.1"))

    expect(stranger.page.frame_locator("iframe").get_by_role("button", name="Open the portal")).to_have_count(0)
    assert [one for one in stranger.troubles if "frame-ancestors" in one] != []


def test_a_partner_sees_its_own_endpoints_alone(partner: Visitor) -> None:
    partner.open("endpoints")

    expect(partner.page.locator("tbody tr")).to_have_count(4)
    expect(partner.page.get_by_text("/garbage")).to_have_count(0)


def test_a_partner_gets_no_page_of_another(partner: Visitor, show: Showcase) -> None:
    partner.open(f"endpoints/{show.endpoints['orders']}")

    expect(partner.page.get_by_role("alert")).to_contain_text("There is no such endpoint")


def test_filters_live_in_the_address(developer: Visitor) -> None:
    developer.open("deliveries")

    status = developer.page.get_by_role("combobox", name="Status", exact=True)
    status.select_option("exhausted")

    expect(developer.page.locator("tbody .badge").first).to_have_text("Exhausted")
    assert developer.page.url.endswith("/dashboard/deliveries?status=exhausted")
    developer.page.reload()
    expect(status).to_have_value("exhausted")


def test_a_list_goes_on_by_itself_where_it_ends(developer: Visitor) -> None:
    developer.open("deliveries")

    developer.page.locator("tbody tr").last.scroll_into_view_if_needed()

    expect(developer.page.locator("tbody tr").nth(55)).to_be_attached()


def test_a_test_event_is_sent_and_its_delivery_seen(developer: Visitor, show: Showcase) -> None:
    developer.open(f"endpoints/{show.endpoints['orders']}")
    button(developer.page, "Send test")
    developer.page.get_by_label("Event type").fill("order.paid")

    developer.page.get_by_role("dialog").get_by_role("button", name="Send").click()

    expect(developer.page.get_by_role("dialog").locator(".badge")).to_have_text("Succeeded")
    expect(developer.page.get_by_role("dialog")).to_contain_text("answered 200")


def test_an_attempt_shows_both_sides_and_how_to_verify_it(developer: Visitor, show: Showcase) -> None:
    answer = show.stack.client.get("/v1/deliveries", params={"endpoint_id": show.endpoints["crm"], "limit": "1"})
    developer.open(f"deliveries/{answer.json()['data'][0]['id']}")

    button(developer.page, "Ruby")

    expect(developer.page.get_by_role("region", name="the request's body")).to_contain_text(
        '"type": "customer.updated"'
    )
    expect(developer.page.get_by_role("region", name="the response's body")).to_contain_text("duplicate key value")
    expect(developer.page.get_by_role("region", name="the snippet in ruby")).to_contain_text("StandardWebhooks")
    expect(developer.page.locator(".signatures code")).to_contain_text("v1,")


def test_a_resend_appears_in_the_timeline(developer: Visitor, show: Showcase) -> None:
    wanted = {"endpoint_id": show.endpoints["garbage"], "status": "exhausted", "limit": "1"}
    found = show.stack.client.get("/v1/deliveries", params=wanted).json()["data"][0]
    developer.open(f"deliveries/{found['id']}")
    button(developer.page, "Resend")

    developer.page.get_by_role("dialog").get_by_role("button", name="Resend").click()

    expect(developer.page.locator(".timeline")).to_contain_text(f"{found['attempt_count'] + 1}. Resend")


def test_a_recover_counts_first_and_shows_how_far_it_is(developer: Visitor, show: Showcase) -> None:
    developer.open(f"endpoints/{show.endpoints['closed']}")
    button(developer.page, "Recover")
    dialog = developer.page.get_by_role("dialog")
    expect(dialog.locator(".preview")).to_contain_text("to reopen")

    dialog.get_by_role("button", name="Recover").click()

    expect(dialog.locator(".progress")).to_contain_text("reopened.")


def test_an_endpoint_says_in_words_how_it_is(developer: Visitor, show: Showcase) -> None:
    developer.open(f"endpoints/{show.endpoints['gone']}")

    expect(developer.page.locator(".notice")).to_contain_text("the receiver answered 410 Gone")


def test_an_endpoint_is_made_changed_and_deleted(developer: Visitor) -> None:
    developer.open("endpoints")
    button(developer.page, "Add endpoint")
    developer.page.get_by_label("URL").fill(f"http://127.0.0.1:9999/{uuid4().hex}")
    developer.page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(developer.page.get_by_role("dialog", name="Signing secret")).to_contain_text("whsec_")
    button(developer.page, "Close")
    button(developer.page, "Edit")
    developer.page.get_by_label("Description").fill("Made by hand")
    button(developer.page, "Save")
    expect(developer.page.locator(".lead")).to_have_text("Made by hand")
    button(developer.page, "Pause")
    expect(developer.page.locator(".notice")).to_contain_text("Paused.")
    button(developer.page, "Delete")

    developer.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(developer.page.locator("main h1")).to_have_text("Endpoints")


def test_what_is_wrong_with_a_form_is_said_at_its_place(developer: Visitor) -> None:
    developer.open("endpoints")
    button(developer.page, "Add endpoint")
    developer.page.get_by_label("URL").fill("http://169.254.169.254/latest")

    developer.page.get_by_role("dialog").get_by_role("button", name="Add").click()

    expect(developer.page.locator(".wrong")).to_contain_text("/url")


def test_progress_moves_by_itself_until_the_end(developer: Visitor, show: Showcase, gates: Path) -> None:
    developer.open(f"tasks/{show.tasks['running']}")
    expect(developer.page.locator(".progress")).to_contain_text("Half of it is done.")

    (gates / "end").touch()

    expect(developer.page.locator("h1 .badge")).to_have_text("Succeeded")
    expect(developer.page.get_by_role("region", name="the result")).to_contain_text("through")


def test_attempts_are_seen_as_they_happen(developer: Visitor, show: Showcase) -> None:
    developer.open("live")
    expect(developer.page.get_by_text("Listening")).to_be_visible()

    show.post("/v1/events/batch", rare(1))

    expect(developer.page.locator("tbody")).to_contain_text("customer.created")


def test_a_key_is_shown_once(developer: Visitor) -> None:
    developer.open("keys")
    button(developer.page, "New key")
    developer.page.get_by_label("Name").fill("Till 7")

    button(developer.page, "Make key")

    expect(developer.page.get_by_role("dialog", name="API key")).to_contain_text("rb_")
    developer.page.reload()
    expect(developer.page.get_by_text("Till 7")).to_be_visible()
    expect(developer.page.locator("main")).not_to_contain_text("rb_")


def test_the_operator_makes_a_tenant_and_acts_for_it(operator: Visitor) -> None:
    slug = f"t-{uuid4().hex[:12]}"
    operator.open("tenants")
    button(operator.page, "New tenant")
    operator.page.get_by_label("Name").fill("Second")
    operator.page.get_by_label("Slug").fill(slug)
    button(operator.page, "Save")
    expect(operator.page.get_by_text(slug)).to_be_visible()

    operator.act_for("acme")

    expect(operator.page.get_by_role("combobox", name="Tenant")).to_have_value("acme")


def test_an_operator_whose_tenant_is_gone_acts_for_another_and_is_told(stranger: Visitor, show: Showcase) -> None:
    stranger.page.goto(f"{stranger.url}/dashboard/")
    stranger.page.evaluate("localStorage.setItem('ringback.tenant', 'gone')")

    stranger.sign_in(show.keys["operator"])

    expect(stranger.page.get_by_text("There is no tenant gone any more.")).to_be_visible()
    expect(stranger.page.get_by_role("combobox", name="Tenant")).not_to_have_value("gone")


def test_a_tenant_that_is_renamed_is_acted_for_by_its_new_name(stranger: Visitor, show: Showcase) -> None:
    slug = f"t-{uuid4().hex[:12]}"
    stranger.sign_in(show.keys["operator"])
    stranger.open("tenants")
    button(stranger.page, "New tenant")
    stranger.page.get_by_label("Name").fill("Third")
    stranger.page.get_by_label("Slug").fill(slug)
    button(stranger.page, "Save")
    row = stranger.page.get_by_role("row").filter(has_text=slug)
    with stranger.page.expect_event("load"):
        row.get_by_role("button", name="Act for").click()
    expect(stranger.page.get_by_role("combobox", name="Tenant")).to_have_value(slug)

    stranger.open("tenants")
    row.get_by_role("button", name="Edit").click()
    stranger.page.get_by_label("Slug").fill(f"{slug}-new")
    with stranger.page.expect_event("load"):
        button(stranger.page, "Save")

    expect(stranger.page.get_by_role("combobox", name="Tenant")).to_have_value(f"{slug}-new")
    stranger.open("")
    expect(stranger.page.get_by_role("combobox", name="Tenant")).to_have_value(f"{slug}-new")


def test_the_keyboard_reaches_everything(developer: Visitor) -> None:
    developer.open("")
    developer.page.keyboard.press("Tab")
    expect(developer.page.get_by_text("Skip to the content")).to_be_focused()
    developer.page.keyboard.press("Enter")
    expect(developer.page.locator("#content")).to_be_focused()

    developer.page.keyboard.type("gd")

    expect(developer.page.locator("main h1")).to_have_text("Deliveries")
    expect(developer.page.locator("main h1")).to_be_focused()
