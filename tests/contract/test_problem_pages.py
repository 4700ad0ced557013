"""Every problem type opens a page that says what it means."""

import json
from html import unescape

import httpx
import pytest

from api.problem_types import PROBLEM_TYPES
from tests.support.accounts import refused
from tests.support.emitted import emitted_codes

CODES = sorted(PROBLEM_TYPES)


@pytest.mark.parametrize("code", emitted_codes())
def test_a_code_that_can_be_emitted_is_in_the_catalogue(code: str) -> None:
    assert code in PROBLEM_TYPES


@pytest.mark.parametrize("code", CODES)
def test_the_catalogue_holds_nothing_that_is_never_emitted(code: str) -> None:
    assert code in emitted_codes()


@pytest.mark.parametrize("code", CODES)
async def test_a_problem_type_opens_a_page_without_a_key(nobody: httpx.AsyncClient, code: str) -> None:
    kind = PROBLEM_TYPES[code]

    page = await nobody.get(str(kind.example(code)["type"]))

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert {kind.title, kind.meaning, kind.remedy} <= set(_texts(page.text))
    assert json.dumps(kind.example(code), indent=2, ensure_ascii=False) in unescape(page.text)


def _texts(page: str) -> list[str]:
    """Return the texts between the tags."""
    return [unescape(part.rpartition(">")[2]) for part in page.split("<")]


async def test_a_page_runs_and_loads_nothing(nobody: httpx.AsyncClient) -> None:
    page = await nobody.get("/problems/not-found")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ")
    assert "unsafe" not in policy
    assert "<script" not in page.text
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/problems", "/problems/unavailable"])
async def test_a_page_is_plain_text_for_who_asks_for_it(nobody: httpx.AsyncClient, path: str) -> None:
    page = await nobody.get(path, headers={"Accept": "text/plain"})

    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert PROBLEM_TYPES["unavailable"].title in page.text
    assert "<" not in page.text


async def test_a_browser_gets_html(nobody: httpx.AsyncClient) -> None:
    page = await nobody.get("/problems", headers={"Accept": "text/html,application/xml;q=0.9,text/plain;q=0.8"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"


async def test_the_index_names_every_type(nobody: httpx.AsyncClient) -> None:
    index = await nobody.get("/problems")

    assert set(CODES) <= set(_texts(index.text))


@pytest.mark.parametrize("code", ["nothing", "<script>", "not-found/", "NOT-FOUND"])
async def test_another_page_is_not_found(nobody: httpx.AsyncClient, code: str) -> None:
    refused(await nobody.get(f"/problems/{code}"), 404, "not-found")
