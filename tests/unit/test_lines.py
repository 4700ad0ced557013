"""Cells of CSV: none that a spreadsheet would run, and none that breaks its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.lines import csv_lines, ndjson


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '"=1', "'=1", ' " =1', "\tx", "\rx", "＝1", "＋1"],  # noqa: RUF001 - the full-width ones are meant
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(csv_lines([[text]]).decode(), newline=""), strict=True)

    assert cell == f"'{text}"


@pytest.mark.parametrize(
    "value", ["order.paid", "https://example.com/?a=b", "a-b", "2026-01-01T00:00:00.000Z", 503, -1]
)
def test_what_is_harmless_stays_as_it_is(value: object) -> None:
    assert csv_lines([[value, "x"]]).decode() == f"{value},x\r\n"


def test_nothing_is_an_empty_cell() -> None:
    assert csv_lines([["a", None, "b"]]) == b"a,,b\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")), min_size=2, max_size=5))
def test_every_text_is_read_again_but_for_its_apostrophe(row: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(csv_lines([row]).decode(), newline=""), strict=True)

    assert [cell in (text, f"'{text}") for cell, text in zip(read, row, strict=True)] == [True] * len(row)


def test_each_document_is_a_line() -> None:
    assert ndjson([{"a": "1\n2"}, {"b": None}]) == b'{"a":"1\\n2"}\n{"b":null}\n'
