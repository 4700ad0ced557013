"""How an attempt's signature is verified, as the dashboard shows it."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.support.showcase import Showcase
from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")


def signed_by_a_private_key(route: Route) -> None:
    """Answer with the attempts, as those of an endpoint are that has a public key."""
    text = route.fetch().text()
    route.fulfill(body=re.sub(r'"v1,[^"]*"', '"v1a,AAAA v1a,BBBB"', text), content_type="application/json")


def test_what_a_private_key_has_signed_is_verified_with_the_public_one(developer: Visitor, show: Showcase) -> None:
    answer = show.stack.client.get("/v1/deliveries", params={"endpoint_id": show.endpoints["crm"], "limit": "1"})
    developer.page.route("**/attempts*", signed_by_a_private_key)

    developer.open(f"deliveries/{answer.json()['data'][0]['id']}")
    developer.page.get_by_role("button", name="Node", exact=True).click()

    expect(developer.page.get_by_role("region", name="the snippet in node")).to_contain_text("crypto.createPublicKey")
    expect(developer.page.locator(".signatures code")).to_have_text(["v1a,AAAA", "v1a,BBBB"])
    expect(developer.page.get_by_role("button", name="Ruby", exact=True)).to_have_count(0)
    developer.page.unroute_all()
