from pathlib import Path

import msgspec

from benchmarks.__main__ import NAMES
from benchmarks.report.page import record
from benchmarks.report.plots import plot
from benchmarks.report.tables import COLUMNS, table

ROW = {
    "endpoints": 10,
    "to_answer_ms": 13.46,
    "to_last_receipt_ms": 1234.5,
    "first_event_to_last_receipt_ms": 2000.0,
    "cpu_ms_per_1000_deliveries": {"api": 1.5, "all": 1.5},
}
RESULT = {
    "benchmark": "fanout",
    "commit": "abc1234",
    "machine": {"cpu": "a processor", "cores": 2, "system": "Linux"},
    "settings": {"endpoints": [10], "peer": ""},
    "ceilings": {"sink_per_second": 100_000},
    "rows": [ROW],
}


def test_a_table_has_the_figures_in_three_digits_and_nothing_where_there_is_none() -> None:
    written = table(
        {"endpoints": "endpoints", "ms": "to_answer_ms", "last": "to_last_receipt_ms", "none": "x/y"}, [ROW]
    )

    assert written.splitlines() == [
        "| endpoints | ms | last | none |",
        "| ---: | ---: | ---: | ---: |",
        "| 10 | 13.5 | 1,234 |  |",
    ]


def test_the_same_result_gives_the_same_picture() -> None:
    assert plot("fanout", [ROW]) == plot("fanout", [ROW])


def test_a_recorded_result_stands_in_the_page_once_below_what_was_written_by_hand(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# By hand\n")
    written = msgspec.json.encode(RESULT).decode()

    record("fanout", written, tmp_path)
    once = page.read_text()
    record("fanout", written, tmp_path)

    assert page.read_text() == once
    assert once.startswith("# By hand\n")
    assert once.count("## fanout") == 1
    assert (tmp_path / "benchmarks" / "fanout.svg").exists()


def test_every_benchmark_whose_result_is_recorded_has_a_table() -> None:
    assert set(COLUMNS) == set(NAMES) - {"tasks"}
