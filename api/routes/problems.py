"""The pages that problem types name: what each error means, and what to do about it."""

import base64
import hashlib
import json
from collections.abc import Iterable
from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response
from fastapi.responses import HTMLResponse

from api.problem_types import PROBLEM_BASE, PROBLEM_TYPES, ProblemType
from api.schemas.fields import Problem
from core.model.errors import NotFoundError

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "pre{overflow-x:auto;padding:1rem;border:1px solid;border-radius:.3rem}"
)
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=3600",
    "Vary": "Accept",
}
_CONTENT: Final[dict[str, dict[str, object]]] = {"text/html": {}, "text/plain": {}}
_PAGE: Final[dict[int | str, dict[str, object]]] = {200: {"description": "The page.", "content": _CONTENT}}
_TITLE: Final = "Problem types"

router = APIRouter(tags=["problem types"], default_response_class=HTMLResponse)
Accept = Annotated[
    str | None, Header(description="`text/plain` gives the page as plain text.", include_in_schema=False)
]


@router.get(PROBLEM_BASE.rstrip("/"), responses=_PAGE)
async def list_problem_types(accept: Accept = None) -> Response:
    """List the problem types: every `type` that an error of this API may have (RFC 9457)."""
    lines = [f"{kind.status.value} {code}: {kind.title}" for code, kind in PROBLEM_TYPES.items()]
    links = (
        f'<li>{kind.status.value} <a href="{PROBLEM_BASE}{escape(code)}">{escape(code)}</a>: {escape(kind.title)}</li>'
        for code, kind in PROBLEM_TYPES.items()
    )
    return _page(accept, _TITLE, f"<ul>{''.join(links)}</ul>", lines)


@router.get(
    f"{PROBLEM_BASE}{{code}}",
    responses={**_PAGE, 404: {"model": Problem, "description": "There is no such problem type."}},
)
async def read_problem_type(code: str, accept: Accept = None) -> Response:
    """Read what a problem type means and what to do about it: the page that the `type` of an error opens."""
    kind = PROBLEM_TYPES.get(code)
    if kind is None:
        raise NotFoundError("problem type")
    return _page(accept, kind.title, _html(code, kind), _text(code, kind))


def _html(code: str, kind: ProblemType) -> str:
    return (
        f"<p><code>{escape(code)}</code>, status {kind.status.value}</p>"
        f"<h2>What it means</h2><p>{escape(kind.meaning)}</p>"
        f"<h2>What to do</h2><p>{escape(kind.remedy)}</p>"
        f"<h2>Example</h2><pre>{escape(_shown(code, kind))}</pre>"
        f'<p><a href="{PROBLEM_BASE.rstrip("/")}">All problem types</a></p>'
    )


def _text(code: str, kind: ProblemType) -> Iterable[str]:
    named = f"{code}, status {kind.status.value}"
    return (named, "", f"What it means: {kind.meaning}", "", f"What to do: {kind.remedy}", "", _shown(code, kind))


def _shown(code: str, kind: ProblemType) -> str:
    return json.dumps(kind.example(code), indent=2, ensure_ascii=False)


def _page(accept: str | None, title: str, body: str, lines: Iterable[str]) -> Response:
    if _wants_text(accept or ""):
        return Response("\n".join((title, "", *lines, "")), headers=_HEADERS, media_type="text/plain")
    document = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Ringback</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(document, headers=_HEADERS)


def _wants_text(accept: str) -> bool:
    """Tell whether plain text is named, and HTML is not: browsers name both."""
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return "text/plain" in named and "text/html" not in named
