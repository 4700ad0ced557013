import pytest

from workers.upkeep.retention import BATCH, COUNTS_BATCH, RetentionReport


@pytest.mark.parametrize(
    "report",
    [
        RetentionReport(emptied=1, cut=True),
        RetentionReport(expired=BATCH),
        RetentionReport(dropped=1),
        RetentionReport(tasks=BATCH),
        RetentionReport(keys=BATCH),
        RetentionReport(sessions=BATCH),
        RetentionReport(rollups=COUNTS_BATCH),
        RetentionReport(folded=COUNTS_BATCH),
    ],
)
def test_a_turn_that_took_a_whole_batch_is_followed_by_another_at_once(report: RetentionReport) -> None:
    assert report.worked


@pytest.mark.parametrize(
    "report",
    [
        RetentionReport(),
        RetentionReport(emptied=1),
        RetentionReport(expired=BATCH - 1),
        RetentionReport(tasks=BATCH - 1, keys=BATCH - 1, sessions=BATCH - 1),
        RetentionReport(rollups=COUNTS_BATCH - 1, folded=BATCH),
    ],
)
def test_a_turn_that_found_less_is_followed_by_a_pause(report: RetentionReport) -> None:
    assert not report.worked
