"""`words.count`: counts the words of a text."""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from workers.task_types.define import TaskContext, task_type

CHUNK: Final = 64 * 1024
"""Characters that are counted at once."""


class WordCount(BaseModel):
    """How many words there are; a word is what white space separates."""

    count: int


@task_type("words.count")
def count(_context: TaskContext, *, text: str) -> WordCount:
    """Count the words of a text: each chunk for itself, then the sum."""
    return WordCount(count=sum(len(chunk.split()) for chunk in chunks(text, CHUNK)))


def chunks(text: str, size: int) -> Iterator[str]:
    """Cut a text into parts of about `size` characters, never inside a word."""
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        while end < len(text) and not text[end].isspace():
            end += 1
        yield text[start:end]
        start = end
