"""The first page in Chromium, with nothing cached: how long until it can be read, and how much comes over the wire."""

from collections.abc import Sequence
from statistics import median
from typing import Final, cast

from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.support.visitor import launch

_MEASURED: Final = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const files = performance.getEntriesByType("resource").filter((one) => one.name.includes("/assets/"));
  const [painted] = performance.getEntriesByName("first-contentful-paint");
  return {
    kilobytes: [page, ...files].reduce((sum, one) => sum + one.transferSize, 0) / 1000,
    files: files.length + 1,
    painted_ms: painted ? painted.startTime : 0,
    whole_ms: performance.now(),
  };
}"""
_SIGN_IN: Final = ".gate h1"
_OVERVIEW: Final = ".tiles.main b"

Figures = dict[str, float]


def first_pages(url: str, key: str, *, times: int) -> dict[str, Figures]:
    """Open the sign-in and the overview so often, each time in a context of its own; return medians.

    `kilobytes` are what came over the wire, in 1,000 bytes; times count from the start of the navigation.
    """
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            signed_out = [_opened(browser, url, _SIGN_IN) for _ in range(times)]
            kept = _signed_in(browser, url, key)
            signed_in = [_opened(browser, url, _OVERVIEW, kept) for _ in range(times)]
        finally:
            browser.close()
    return {"sign_in": _medians(signed_out), "overview": _medians(signed_in)}


def _opened(browser: Browser, url: str, shown: str, kept: StorageState | None = None) -> Figures:
    """Open the first page; return what the browser measured by the time that something is shown."""
    context = browser.new_context(storage_state=kept)
    try:
        page = context.new_page()
        page.goto(f"{url}/dashboard/", wait_until="commit")
        page.locator(shown).first.wait_for()
        return cast("Figures", page.evaluate(_MEASURED))
    finally:
        context.close()


def _signed_in(browser: Browser, url: str, key: str) -> StorageState:
    """Sign in by the form; return what the browser keeps of it."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"{url}/dashboard/")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        page.locator(_OVERVIEW).first.wait_for()
        return context.storage_state()
    finally:
        context.close()


def _medians(opened: Sequence[Figures]) -> Figures:
    return {name: round(median(one[name] for one in opened), 1) for name in opened[0]}
