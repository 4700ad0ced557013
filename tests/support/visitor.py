"""A person who looks at the dashboard in a real Chromium, and everything that goes wrong while they do."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Playwright, Request, expect

from tests.support.node import SOURCE
from tests.support.node_packages import installed

CHROMIUM: Final = "/usr/bin/chromium"
PATIENCE: Final = 30_000
"""Milliseconds that a page may take to show what is waited for."""
SERIOUS: Final = {"serious", "critical"}
_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""
_AXE: Final = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
}"""


@dataclass
class Visitor:
    """One browser context, signed in or not."""

    context: BrowserContext
    page: Page
    url: str
    base: str = "/dashboard"
    troubles: list[str] = field(default_factory=list[str])
    """Errors in the console, dialogs, and requests to anywhere but the product."""

    def open(self, path: str) -> None:
        """Open a page of the dashboard, and return once it shows its head."""
        self.page.goto(f"{self.url}{self.base}/{path}")
        expect(self.page.locator(".shell main h1")).to_be_visible()
        expect(self.page.get_by_text("Loading…")).to_have_count(0)

    def sign_in(self, key: str) -> None:
        """Sign in with an API key."""
        self.page.goto(f"{self.url}/dashboard/")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.locator(".shell main h1")).to_be_visible()

    def act_for(self, tenant: str) -> None:
        """Choose a tenant, as the operator may, and return once the page has been loaded again for it."""
        with self.page.expect_event("load"):
            self.page.get_by_role("combobox", name="Tenant").select_option(tenant)

    def enter_portal(self, link: str) -> None:
        """Open a portal link."""
        self.page.goto(link)
        self.page.get_by_role("button", name="Open the portal").click()
        expect(self.page.locator(".shell main h1")).to_be_visible()
        self.base = "/dashboard/portal"

    def barriers(self) -> list[str]:
        """Return what axe finds on the page that keeps somebody out, by its impact."""
        found = cast("list[str]", self.page.evaluate(_AXE))
        return [one for one in found if one.partition(" ")[0] in SERIOUS]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return int(cast("int", wide))


@contextmanager
def visiting(browser: Browser, url: str, *, dark: bool = False, narrow: bool = False) -> Generator[Visitor]:
    """Open a context of its own, in which everything is watched."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844} if narrow else {"width": 1360, "height": 900},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_VIOLATIONS)
    context.add_init_script(path=axe())
    page = context.new_page()
    visitor = Visitor(context, page, url)
    _watch(visitor)
    try:
        yield visitor
    finally:
        context.close()


def axe() -> Path:
    """Return the script that looks for barriers, as its package has it."""
    return installed(SOURCE) / "node_modules" / "axe-core" / "axe.min.js"


def launch(playwright: Playwright) -> Browser:
    """Start the browser; it reaches nothing but loopback."""
    nowhere = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    options = ["--no-sandbox", f"--host-resolver-rules={nowhere}", "--disable-dev-shm-usage"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=options)


def _watch(visitor: Visitor) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visitor.troubles.append(f"{message.type}: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{visitor.url}/", "data:", "blob:")):
            visitor.troubles.append(f"request: {request.url}")

    def opened(dialog: Dialog) -> None:
        visitor.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    visitor.page.on("console", said)
    visitor.page.on("pageerror", lambda error: visitor.troubles.append(f"thrown: {error}"))
    visitor.page.on("request", asked)
    visitor.page.on("dialog", opened)
    visitor.context.on("page", lambda page: visitor.troubles.append(f"window: {page.url}"))
