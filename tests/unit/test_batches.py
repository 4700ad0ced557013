"""Batches that are much larger inside than outside."""

import tracemalloc

import pytest

from api.batches import NDJSON, batch_of
from api.bodies import JSON
from core.intake.wish import EventWish
from core.model.errors import InvalidInputError


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"[" + b"0," * 4_000_000 + b"0]", JSON),
        (b"[" + b"[]," * 3_000_000 + b"0]", JSON),
        (b"ab\n" * 3_000_000, NDJSON),
    ],
    ids=["array", "arrays", "ndjson"],
)
async def test_millions_of_lines_are_refused_without_being_kept(body: bytes, media_type: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError) as refused:
            await batch_of(body, media_type)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [one.detail for one in refused.value.errors] == ["A batch holds 1000 events at most."]
    assert peak < len(body)


@pytest.mark.parametrize("around", [b"%b\n" * 8, b"[" + b"%b," * 7 + b"%b]"], ids=["ndjson", "array"])
async def test_what_lines_mean_is_not_kept(around: bytes) -> None:
    line = b'{"type":"a","data":[' + b"[]," * 100_000 + b"0]}"
    body = around % ((line,) * 8)
    tracemalloc.start()
    try:
        batch = await batch_of(body, NDJSON if body.endswith(b"\n") else JSON)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [len(wish.data) for wish in batch.wishes if isinstance(wish, EventWish)] == [300_003] * 8
    assert kept < 2 * len(body)
    assert peak < 8 * len(body)


@pytest.mark.parametrize("body", [b" [" + b"0," * 999 + b"0] ", b"[]"])
async def test_a_thousand_lines_are_taken(body: bytes) -> None:
    assert len((await batch_of(body, JSON)).wishes) == (1_000 if b"0" in body else 0)
