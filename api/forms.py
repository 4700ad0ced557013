"""Bodies of `multipart/form-data` (RFC 7578), read whole and strictly; `python-multipart` takes them apart."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.errors import ProblemError

PART_LIMIT: Final = 64
HEADER_LIMIT: Final = 8
"""Headers of one part; a form has three."""
HEADER_SIZE_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; `filename` and `media_type` are those of a file."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None


class MalformedFormError(Exception):
    """What is wrong with a form, in words for its sender."""


def parse_form(content_type: str, body: bytes) -> tuple[Part, ...]:
    """Read a form's fields in their order; raise a 400 for what is no form."""
    try:
        return _parse(_boundary(content_type), body)
    except MalformedFormError as error:
        raise _refusal(str(error)) from None
    except UnicodeError:
        raise _refusal("A part's headers are not UTF-8.") from None
    except FormParserError:  # its words quote bytes that were sent
        raise _refusal("The parts cannot be told apart.") from None


def canonical(parts: tuple[Part, ...]) -> bytes:
    """Return bytes that are equal for forms of equal parts, whatever their boundary and order."""
    written = (
        (part.name.encode(), (part.filename or "").encode(), (part.media_type or "").encode(), part.content)
        for part in parts
    )
    return b"".join(b"%d:%b" % (len(value), value) for one in sorted(written) for value in one)


def _boundary(content_type: str) -> bytes:
    _, options = parse_options_header(content_type)
    if not (boundary := options.get(b"boundary")):
        raise MalformedFormError("The boundary is missing.")
    return boundary


def _parse(boundary: bytes, body: bytes) -> tuple[Part, ...]:
    reader = _Reader()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": reader.begin_part,
            "on_header_begin": reader.begin_header,
            "on_header_field": reader.name,
            "on_header_value": reader.value,
            "on_headers_finished": reader.end_headers,
            "on_part_data": reader.data,
            "on_part_end": reader.end_part,
            "on_end": reader.end,
        },
        max_header_count=HEADER_LIMIT,
        max_header_size=HEADER_SIZE_LIMIT,
    )
    parser.write(_without_preamble(boundary, body))
    parser.finalize()
    return reader.done()


def _without_preamble(boundary: bytes, body: bytes) -> bytes:
    """Leave out what stands before the parts (RFC 2046, 5.1.1): the library takes none."""
    if body.startswith(b"--" + boundary):
        return body
    _, delimiter, rest = body.partition(b"\r\n--" + boundary)
    return delimiter + rest


class _Reader:
    """What the library calls: it gathers the parts."""

    def __init__(self) -> None:
        self._parts: Final[list[Part]] = []
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._content: list[bytes] = []
        self._begun = 0
        self._ended = False

    def begin_part(self) -> None:
        self._begun += 1
        if self._begun > PART_LIMIT:
            raise MalformedFormError(f"It has more than {PART_LIMIT} parts.")
        self._headers, self._content = [], []

    def begin_header(self) -> None:
        self._headers.append((bytearray(), bytearray()))

    def name(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][0].extend(data[start:end])

    def value(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][1].extend(data[start:end])

    def end_headers(self) -> None:
        if not self._headers:
            raise MalformedFormError("A part has no headers.")

    def data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def end_part(self) -> None:
        headers = {bytes(name).lower(): bytes(value).strip() for name, value in self._headers}
        self._parts.append(_part(headers, b"".join(self._content)))

    def end(self) -> None:
        self._ended = True

    def done(self) -> tuple[Part, ...]:
        if not self._ended:
            raise MalformedFormError("The form does not end.")
        return tuple(self._parts)


def _part(headers: dict[bytes, bytes], content: bytes) -> Part:
    kind, options = parse_options_header(headers.get(b"content-disposition"))
    name, filename, media_type = options.get(b"name"), options.get(b"filename"), headers.get(b"content-type")
    if kind != b"form-data" or name is None:
        raise MalformedFormError("A part has no name.")
    return Part(name.decode(), content, _text(filename), _text(media_type))


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _refusal(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-form", f"The body is not multipart/form-data: {detail}")
