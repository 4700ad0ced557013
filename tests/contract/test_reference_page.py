"""The API's reference for people: complete, from here alone."""

import hashlib
import json
import re

import httpx
import pytest

from api.routes.reference import FOLDER
from tests.support.accounts import refused

VENDORED = json.loads((FOLDER / "vendor" / "packages.json").read_text())
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def test_the_page_and_what_it_asks_for_are_served_with_their_guards(nobody: httpx.AsyncClient) -> None:
    page = await nobody.get("/docs")
    named = re.findall(r'(?:href|src)="(/docs/[^"]+)"', page.text)

    answers = [page, *[await nobody.get(path) for path in named]]

    assert len(named) == 3
    assert {one.status_code for one in answers} == {200}
    assert {one.headers["content-security-policy"] for one in answers} == {POLICY}
    assert {one.headers["x-content-type-options"] for one in answers} == {"nosniff"}


async def test_nothing_is_asked_of_anybody_else(nobody: httpx.AsyncClient) -> None:
    page = await nobody.get("/docs")

    assert re.findall(r"https?:|<style|\sstyle=|\son\w+=|<script(?! defer src=)", page.text) == []


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "vendor/packages.json", "%2e%2e/openapi.py", ""])
async def test_no_other_file_is_served(nobody: httpx.AsyncClient, name: str) -> None:
    refused(await nobody.get(f"/docs/assets/{name}"), 404, "not-found")


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
async def test_no_page_of_the_framework_is_left(nobody: httpx.AsyncClient, path: str) -> None:
    refused(await nobody.get(path), 404, "not-found")


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_a_vendored_file_is_the_one_that_its_package_holds(name: str) -> None:
    told = VENDORED[name]

    assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == told["sha256"]
    assert (FOLDER / "vendor" / told["license_file"]).is_file()
    assert {"package", "version", "license"} <= set(told)


def test_no_vendored_file_is_unaccounted_for() -> None:
    assert {path.name for path in (FOLDER / "vendor").iterdir() if path.suffix in {".js", ".css"}} == set(VENDORED)
