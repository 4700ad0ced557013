"""`words.count`: counts the words of a text or a file, a long one in parts that run side by side."""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from core.model.parts import Slice
from workers.task_types.define import Parts, TaskContext, TaskError, TaskFile, task_type

SMALL: Final = 64 * 1024
"""Bytes that are counted at once: a chord costs more than that."""
CHUNK: Final = 256 * 1024
"""Bytes of a part, at least, unless that would leave a single one."""

# No byte of a multi-byte character is ASCII, so that a cut at one of these cuts neither a word nor a character.
_SPACE: Final = re.compile(rb"[\t-\r\x1c- ]")


class WordCount(BaseModel):
    """How many words there are; a word is what white space separates, as Unicode understands it."""

    count: int


def count_slice(content: bytes) -> int:
    """Count the words of one part."""
    return len(content.decode().split())


def total(counts: Sequence[int]) -> WordCount:
    """Add up what the parts have counted."""
    return WordCount(count=sum(counts))


@task_type(
    "words.count",
    soft_time_limit=20,
    hard_time_limit=30,
    parts=Parts(count_slice, total),
    schema={"oneOf": [{"required": ["text"]}, {"required": ["file"]}]},
)
def count(context: TaskContext, *, text: str = "", file: TaskFile | None = None) -> WordCount:
    """Count the words of a text or of a file in UTF-8. Fails with code `not_text` for any other file."""
    content = text.encode() if file is None else context.read_file()
    words = _decoded(content)
    slices = cut(content, min(CHUNK, -(-len(content) // 2)))
    if len(content) > SMALL and len(slices) > 1:
        context.in_parts(slices, content if file is None else None)
    return WordCount(count=len(words.split()))


def cut(content: bytes, size: int) -> list[Slice]:
    """Cut into slices of `size` bytes and up to the next ASCII white space; without any, it stays whole."""
    slices: list[Slice] = []
    start = 0
    while start < len(content):
        space = _SPACE.search(content, start + size)
        end = len(content) if space is None else space.start()
        slices.append(Slice(start, end - start))
        start = end
    return slices


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TaskError("not_text", "Not a text", "The file is not UTF-8.") from None
