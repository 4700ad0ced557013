"""Documents as lines: NDJSON, and CSV (RFC 4180) that no spreadsheet takes for formulas."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

Document = Mapping[str, object]

# A cell that a spreadsheet would run, also behind what it skips or a quote that it takes off (OWASP, CSV Injection).
_RUNS: Final = re.compile(r"""[\s"'`]*[=+\-@＝＋－＠]|\s*[\t\r\n]""")  # noqa: RUF001 - the full-width ones are meant


def ndjson(documents: Sequence[Document]) -> bytes:
    """Return a line of JSON for each document."""
    return msgspec.json.Encoder().encode_lines(documents)


def csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    """Return a line of CSV for each row; `None` is an empty cell, a text that a spreadsheet would run gets a `'`."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _RUNS.match(value) else value
