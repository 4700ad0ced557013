"""Files for browsers: read, and the dashboard's joined, once when the process starts; served with what guards them."""

import gzip
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request, Response

from api.joining import join_scripts

FOLDER: Final = Path(__file__).parent.parent / "dashboard"
PAGE: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors {frames}; require-trusted-types-for 'script'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000",  # browsers mind it on HTTPS only (RFC 6797, section 8.1)
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
MAIN: Final = "main.js"
_OWN: Final = ".js"  # what is vendored is a `.mjs`, and stays as it is
_PLACE: Final = b"/dashboard/assets/"
_PART: Final = re.compile(r' *<link rel="modulepreload" href="/dashboard/assets/([^"]+)" />\n')
_SHEET: Final = re.compile(r' *<link rel="stylesheet" href="/dashboard/assets/([^"]+)" />\n')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class Assets:
    """Every file that a browser may ask for, by its path below the folder.

    The page asks for the others below a folder named after what all of them hold: a browser keeps those, and never has
    some of one version with some of another.
    """

    files: Mapping[str, Asset]
    page: Asset
    version: str

    def find(self, path: str) -> tuple[Asset | None, bool]:
        """Return a file, and whether it will be the same for as long as it is found at this path."""
        version, _, rest = path.partition("/")
        if version.startswith("~"):
            return self.files.get(rest), version == self.version
        return self.files.get(path), False


def read_assets(folder: Path = FOLDER) -> Assets:
    """Read the files."""
    files = _with_styles_joined(_with_scripts_joined(_read(folder)))
    page = files.pop(PAGE)
    version = f"~{hashlib.blake2b(b''.join(files.values()), digest_size=8).hexdigest()}"
    named = page.replace(_PLACE, _PLACE + version.encode() + b"/")
    return Assets({name: _asset(name, plain) for name, plain in files.items()}, _asset(PAGE, named), version)


def read_files(folder: Path) -> dict[str, Asset]:
    """Read files that stay as they are, by their path below the folder."""
    return {name: _asset(name, plain) for name, plain in _read(folder).items()}


def _read(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _with_scripts_joined(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Join what the page names as part of its script (`modulepreload`) into that script."""
    page = files[PAGE].decode()
    parts = [name for name in _PART.findall(page) if name.endswith(_OWN)]
    own = {name: plain.decode() for name, plain in files.items() if name.endswith(_OWN)}
    joined = {name: text.encode() for name, text in join_scripts(own, parts, MAIN).items()}
    rest = {name: plain for name, plain in files.items() if name not in own}
    return {**rest, **joined, PAGE: _without(page, _PART, parts)}


def _with_styles_joined(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Put all that the page's style sheets say into the first of them."""
    page = files[PAGE].decode()
    first, *others = _SHEET.findall(page)
    whole = b"".join(files[name] for name in (first, *others))
    rest = {name: plain for name, plain in files.items() if name not in others}
    return {**rest, first: whole, PAGE: _without(page, _SHEET, others)}


def _without(page: str, link: re.Pattern[str], names: Collection[str]) -> bytes:
    return link.sub(lambda match: "" if match[1] in names else match[0], page).encode()


def serve(
    request: Request, asset: Asset, *, policy: str = POLICY, frames: tuple[str, ...] = (), lasting: bool = False
) -> Response:
    """Answer with a file, or 304; `frames` are the origins whose pages may show it in a frame.

    One that is `lasting` is kept by browsers without asking again (RFC 8246).
    """
    policy = policy.format(frames=" ".join(frames) or "'none'")
    headers = {**_HEADERS, "Content-Security-Policy": policy, "ETag": asset.tag}
    if lasting:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.plain, headers=headers, media_type=asset.media_type)


def _asset(name: str, plain: bytes) -> Asset:
    tag = f'"{hashlib.blake2b(plain, digest_size=16).hexdigest()}"'
    return Asset(_TYPES[Path(name).suffix], plain, gzip.compress(plain, 9, mtime=0), tag)
