"""Bodies of `multipart/form-data` (RFC 7578), read whole and strictly."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from api.errors import ProblemError

_BOUNDARY: Final = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)  # RFC 2046, 5.1.1
_PARAMETER: Final = re.compile(r""";\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))""")
_BREAK: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; `filename` and `media_type` are those of a file."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


def parse_form(content_type: str, body: bytes) -> tuple[Part, ...]:
    """Read a form's fields in their order; raise a 400 for what is no form."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _malformed("The boundary is missing.")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode()
    _, *pieces = (_BREAK + body).split(delimiter)
    end = next((place for place, piece in enumerate(pieces) if piece.startswith(b"--")), None)
    if end is None:
        raise _malformed("The form does not end.")
    return tuple(_part(piece) for piece in pieces[:end])


def canonical(parts: tuple[Part, ...]) -> bytes:
    """Return bytes that are equal for forms of equal parts, whatever their boundary and order."""
    written = (
        (part.name.encode(), (part.filename or "").encode(), (part.media_type or "").encode(), part.content)
        for part in parts
    )
    return b"".join(b"%d:%b" % (len(value), value) for one in sorted(written) for value in one)


def _part(piece: bytes) -> Part:
    head, blank, content = piece.lstrip(b" \t").partition(_BREAK * 2)
    if not blank or not head.startswith(_BREAK):
        raise _malformed("A part has no headers.")
    headers = _headers(head)
    disposition = headers.get("content-disposition", "")
    parameters = {key.lower(): _unquoted(quoted) or bare for key, quoted, bare in _PARAMETER.findall(disposition)}
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        raise _malformed("A part has no name.")
    return Part(parameters["name"], content, parameters.get("filename"), headers.get("content-type"))


def _headers(head: bytes) -> dict[str, str]:
    try:
        lines = head.decode().split("\r\n")[1:]
    except UnicodeDecodeError:
        raise _malformed("A part's headers are not UTF-8.") from None
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _unquoted(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)


def _malformed(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-form", f"The body is not multipart/form-data: {detail}")
