"""HTTP/1.1 as far as both instruments need it: messages whose length is said."""

from typing import Final

_NAMES: Final = (b"\r\ncontent-length:", b"\r\nContent-Length:")


def content_length(data: bytes, start: int, head: int) -> int:
    """Return the length of the body after the head that ends at `head`; 0 if it is not said.

    Raises:
        ValueError: the body comes in chunks.
    """
    for name in _NAMES:
        found = data.find(name, start, head)
        if found >= 0:
            begin = found + len(name)
            end = data.find(b"\r\n", begin, head)
            return int(data[begin : end if end >= 0 else head])
    if b"transfer-encoding:" in data[start:head].lower():
        raise ValueError("a body in chunks")
    return 0
