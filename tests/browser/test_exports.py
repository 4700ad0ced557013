"""Deliveries saved as a file."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Visitor

pytestmark = pytest.mark.xdist_group("dashboard")


def exported(visitor: Visitor, which: str = "status=exhausted") -> list[str]:
    """Return the lines of what the page saves."""
    visitor.open(f"deliveries?{which}")
    with visitor.page.expect_download() as saving:
        visitor.page.get_by_text("Export CSV").click()
    assert saving.value.suggested_filename == "deliveries.csv"
    return Path(saving.value.path()).read_text().splitlines()


def test_what_the_list_shows_is_saved(developer: Visitor) -> None:
    head, *lines = exported(developer)

    assert "status" in head.split(",")
    assert lines != []
    assert all("exhausted" in line for line in lines)


def test_the_operator_saves_those_of_the_tenant_that_is_acted_for(operator: Visitor, developer: Visitor) -> None:
    operator.open("")
    operator.act_for("acme")
    which = "status=succeeded&event_type=order.shipped"  # of these none is added any more

    saved = exported(operator, which)

    assert len(saved) > 1
    assert saved == exported(developer, which)


def test_an_export_that_is_refused_says_why(operator: Visitor) -> None:
    operator.open("")
    operator.act_for("acme")
    operator.open("deliveries")
    refusal = {"title": "Too many", "detail": "Too many exports run."}
    operator.page.route("**/v1/deliveries/export*", lambda route: route.fulfill(status=429, json=refusal))

    operator.page.get_by_text("Export CSV").click()

    expect(operator.page.get_by_text("Too many exports run.")).to_be_visible()
    operator.page.unroute_all()
