"""The API's reference, and what of it a page that is signed in may rely on: nothing from elsewhere runs there."""

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")


def test_the_reference_shows_what_the_document_says_under_its_policy(stranger: Visitor) -> None:
    stranger.page.goto(f"{stranger.url}/docs")

    stranger.page.get_by_text("/v1/events/batch").click()

    expect(stranger.page.get_by_text("Accept up to 1,000 events in their order")).to_be_visible()
    expect(stranger.page.get_by_role("button", name="Authorize")).to_be_visible()
    assert stranger.troubles == []
