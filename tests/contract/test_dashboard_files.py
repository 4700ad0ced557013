"""The dashboard's files: complete, guarded by their headers, made of nothing that is not accounted for."""

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest

from api.pages import FOLDER, PAGE, read_assets
from tests.support.accounts import refused
from tests.support.apps import serving, settings_of

READ = read_assets()
ASSETS = READ.files
OWN = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
VENDORED = json.loads((FOLDER / "vendor" / "packages.json").read_text())
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
FIRST_PAGE = 100_000
LINES = 300


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/deliveries/dlv_x", "/dashboard/portal", "/dashboard/x.js"])
async def test_each_page_is_the_one_page_with_its_guards(nobody: httpx.AsyncClient, path: str) -> None:
    answer = await nobody.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert {"permissions-policy", "strict-transport-security", "etag"} <= set(answer.headers)


@pytest.mark.parametrize("name", sorted(ASSETS))
async def test_each_file_is_served_plain_and_compressed(nobody: httpx.AsyncClient, name: str) -> None:
    answer = await nobody.get(f"/dashboard/assets/{name}")
    again = await nobody.get(f"/dashboard/assets/{name}", headers={"If-None-Match": answer.headers["etag"]})
    plain = await nobody.get(f"/dashboard/assets/{name}", headers={"Accept-Encoding": "identity"})

    assert answer.content == plain.content == ASSETS[name].plain
    assert answer.headers["content-security-policy"] == POLICY
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["icon.svg", *(f"vendor/{name}" for name in sorted(VENDORED))])
def test_what_is_not_ours_is_served_as_it_is(name: str) -> None:
    assert ASSETS[name].plain == (FOLDER / name).read_bytes()


def test_the_first_page_asks_for_few_files() -> None:
    named = re.findall(r'(?:href|src)="/dashboard/assets/[^/]+/([^"]+)"', READ.page.plain.decode())

    assert {name for name in named if not name.startswith("vendor/")} == {"icon.svg", "main.js", "style/base.css"}


def test_nothing_is_lost_in_what_is_joined() -> None:
    sheets = sorted(path for path in (FOLDER / "style").iterdir())
    texts = [(FOLDER / name).read_text().splitlines() for name in needed("main.js") if name.endswith(".js")]
    lines = {line for text in texts for line in text if line.startswith((" ", "//"))}

    assert [path for path in sheets if path.read_bytes() not in ASSETS["style/base.css"].plain] == []
    assert {
        line for line in lines - set(ASSETS["main.js"].plain.decode().splitlines()) if "import(" not in line
    } == set()


@pytest.mark.parametrize(
    "name", ["index.html", "nothing.js", "lib/api.js", "style/data.css", "%2e%2e/pyproject.toml", "vendor/"]
)
async def test_nothing_else_is_served(nobody: httpx.AsyncClient, name: str) -> None:
    refused(await nobody.get(f"/dashboard/assets/{name}"), 404, "not-found")


async def test_the_bare_name_leads_to_the_dashboard(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/dashboard")

    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard/")


@pytest.mark.parametrize(("path", "frames"), [("/dashboard/portal/endpoints", True), ("/dashboard/endpoints", False)])
async def test_the_portal_alone_may_be_framed_and_by_allowed_origins_alone(path: str, *, frames: bool) -> None:
    settings = settings_of().model_copy(update={"portal_origins": ("https://app.example.com",)})

    async with serving(settings) as client:
        policy = (await client.get(path)).headers["content-security-policy"]

    assert ("frame-ancestors https://app.example.com;" in policy) == frames


def test_the_first_page_is_small() -> None:
    named = re.findall(r'(?:href|src)="/dashboard/assets/[^/]+/([^"]+)"', READ.page.plain.decode())

    assert len(READ.page.packed) + sum(len(ASSETS[name].packed) for name in named) < FIRST_PAGE


def needed(name: str) -> set[str]:
    """Return a script and all that it cannot run without."""
    folder = (FOLDER / name).parent
    named = re.findall(r'from\s*"(\.[^"]+)"', (FOLDER / name).read_text())
    parts = [folder.joinpath(one).resolve().relative_to(FOLDER).as_posix() for one in named]
    return {name}.union(*map(needed, parts))


def test_the_page_asks_at_once_for_each_script_that_the_first_one_needs() -> None:
    page = (FOLDER / PAGE).read_text()

    assert set(re.findall(r'rel="modulepreload" href="/dashboard/assets/([^"]+)"', page)) == (
        needed("main.js") | needed("pages/overview.js")
    ) - {"main.js"}


async def test_what_the_page_asks_for_is_kept_until_there_is_another_version(nobody: httpx.AsyncClient) -> None:
    page = (await nobody.get("/dashboard/")).text
    named = re.findall(r'(?:href|src)="(/dashboard/assets/[^"]+)"', page)

    answers = [await nobody.get(path) for path in named]
    other = await nobody.get(named[0].replace(READ.version, "~older"))

    assert {one.headers["cache-control"] for one in answers} == {"public, max-age=31536000, immutable"}
    assert {one.status_code for one in answers} == {200}
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")


def test_the_page_holds_no_script_and_no_style_of_its_own() -> None:
    page = (FOLDER / PAGE).read_text()

    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! type=\"module\" src=)", page) == []


@pytest.mark.parametrize("name", OWN)
def test_a_script_is_short_and_builds_no_html(name: str) -> None:
    text = (FOLDER / name).read_text()

    assert len(text.splitlines()) <= LINES
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerously", text)
        == []
    )


def test_nothing_is_loaded_from_elsewhere() -> None:
    found = (path for path in FOLDER.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"})
    named = {path.name: path.read_text() for path in found}

    assert {
        name
        for name, text in named.items()
        if re.search(r"(?:from|import\(|src=|href=|url\()\s*[\"']?(?:https?:)?//", text)
    } == set()


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_a_vendored_file_is_the_one_that_its_package_holds(name: str) -> None:
    told = VENDORED[name]
    text = (FOLDER / "vendor" / name).read_bytes()
    mended = text.replace(told["mended"][1].encode(), told["mended"][0].encode()) if "mended" in told else text

    assert hashlib.sha256(text).hexdigest() == told["sha256"]
    assert hashlib.sha256(mended).hexdigest() == told["upstream_sha256"]
    assert (FOLDER / "vendor" / told["license_file"]).is_file()
    assert {"package", "version", "license"} <= set(told)


def test_no_vendored_file_is_unaccounted_for() -> None:
    found = {
        path.name for path in Path(FOLDER / "vendor").iterdir() if path.suffix in {".js", ".mjs", ".css", ".woff2"}
    }

    assert found == set(VENDORED)
