"""The dashboard and the partner portal: files that talk to the public API."""

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.deps import StateDep
from api.pages import read_assets, serve
from core.model.errors import NotFoundError

_ASSETS: Final = read_assets()
_PORTAL: Final = "portal"

router = APIRouter(include_in_schema=False)


@router.get("/dashboard")
async def open_dashboard() -> Response:
    """Lead to the dashboard's first page."""
    return RedirectResponse("/dashboard/")


@router.get("/dashboard/assets/{path:path}")
async def read_asset(path: str, request: Request) -> Response:
    """Serve one of the dashboard's files."""
    asset, lasting = _ASSETS.find(path)
    if asset is None:
        raise NotFoundError("file")
    return serve(request, asset, lasting=lasting)


@router.get("/dashboard/{path:path}")
async def read_page(path: str, request: Request, state: StateDep) -> Response:
    """Serve the one page that shows all others; the portal's may be shown in a frame of the allowed origins."""
    frames = state.settings.portal_origins if path.partition("/")[0] == _PORTAL else ()
    return serve(request, _ASSETS.page, frames=frames)
