"""A check ends with the first message that is waited for in vain, and says so."""

import pytest

from core.model.conformance import TRIALS
from core.model.ids import EndpointId, TenantId
from tests.support.answers import Answer, Reset
from tests.support.checking import Checking
from tests.support.flawed import receiver_with
from tests.support.rows import Rows
from tests.support.threaded import ThreadedReceiver

NAMES = [trial.name for trial in TRIALS]
HANGS = Answer(delay=30)
BREAKS = Answer(reset=Reset.BEFORE_ANSWER)
LAST = "Nothing was sent after it."


@pytest.fixture
def checking(rows: Rows, tenant: TenantId, endpoint: EndpointId, database_url: str, redis_url: str) -> Checking:
    """What checks the endpoint."""
    return Checking(rows, tenant, endpoint, database_url, redis_url)


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ([HANGS], ["timeout"]),
        ([BREAKS], ["connect"]),
        ([Answer(), HANGS], [None, "timeout"]),
        ([Answer(), Answer(), BREAKS, HANGS], [None, None, "connect", "timeout"]),
        ([Answer(401), HANGS], [None, "timeout"]),
    ],
    ids=["hangs", "breaks", "hangs later", "breaks and hangs later", "refuses and hangs"],
)
async def test_nothing_is_sent_after_what_is_not_answered(
    checking: Checking, answers: list[Answer], errors: list[str | None]
) -> None:
    with ThreadedReceiver() as receiver:
        receiver.script(*answers)
        trials = await checking.run(receiver.url)

    assert len(receiver.requests) == len(answers)
    assert [one.name for one in trials] == NAMES
    assert [one.error for one in trials] == errors + ["not_sent"] * (len(NAMES) - len(errors))
    assert {one.passed for one in trials[len(errors) :]} == {None}
    assert [LAST in str(one.mend) for one in trials] == [one is trials[len(errors) - 1] for one in trials]


async def test_all_is_sent_to_one_that_answers(checking: Checking) -> None:
    with receiver_with("") as url:
        trials = await checking.run(url)

    assert [(one.name, one.passed) for one in trials] == [(name, True) for name in NAMES]
