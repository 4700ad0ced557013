"""The API's reference for people: Swagger UI, all of it from here, as it runs beside whoever is signed in."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from api.pages import read_files, serve
from core.model.errors import NotFoundError

FOLDER: Final = Path(__file__).parent.parent / "reference" / "page"
_FILES: Final = read_files(FOLDER)
_PAGE: Final = "index.html"
# As the dashboard's, but its icons are in its style sheet, and it builds HTML, so that there are no Trusted Types.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def read_page(request: Request) -> Response:
    """Serve the page that shows `/openapi.json`."""
    return serve(request, _FILES[_PAGE], policy=_POLICY)


@router.get("/docs/assets/{path:path}")
async def read_asset(path: str, request: Request) -> Response:
    """Serve one of the page's files."""
    asset = _FILES.get(path)
    if asset is None or path == _PAGE:
        raise NotFoundError("file")
    return serve(request, asset, policy=_POLICY)
