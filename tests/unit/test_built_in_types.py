"""`demo.sleep` and `reports.generate`, run without a worker."""

from types import SimpleNamespace

import pytest

from core import clock
from core.intake.check import CHECK
from core.intake.recover import RECOVER
from core.model.endings import CANCELLED, TaskAgain, TaskEnd
from core.model.json_value import JsonValue
from core.model.states import TaskStatus
from core.progress import Progress
from core.registry.task_types import OWN
from tests.support.desks import KeepingDesk, context_of
from tests.support.task_records import task_record
from workers.lifecycle import call
from workers.task_types import check, network, recovery, reports, waiting
from workers.task_types.define import defined

MODULES = [check, network, recovery, reports, waiting]


def run(type_: str, input_: bytes, desk: KeepingDesk, attempt: int = 1) -> object:
    assert MODULES
    return call(defined()[type_], task_record(input=input_, run=attempt), context_of(desk, run=attempt))


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a wait take no time, and exactly as much as it should by the clock."""
    at = [0.0]

    class Waiting:
        def wait(self, seconds: float) -> None:
            at[0] += seconds

    monkeypatch.setattr(clock, "monotonic", lambda: at[0])
    monkeypatch.setattr(waiting, "threading", SimpleNamespace(Event=Waiting))


@pytest.mark.usefixtures("no_time")
def test_sleep_gives_back_null_and_shows_how_far_it_is() -> None:
    desk = KeepingDesk()

    end = run("demo.sleep", b'{"seconds":0.3}', desk)

    assert end == TaskEnd(TaskStatus.SUCCESS, b"null")
    assert desk.shown == [Progress(0, 0.3), Progress(0.25, 0.3), Progress(0.3, 0.3)]


def test_sleep_ends_early_when_it_is_cancelled() -> None:
    desk = KeepingDesk(cancel_after=1)

    assert run("demo.sleep", b'{"seconds":3600}', desk) == CANCELLED
    assert len(desk.shown) == 1


def test_a_report_is_named_after_user_and_version_alone() -> None:
    desk = KeepingDesk()

    end = run("reports.generate", b'{"user_id":42,"version":"v 1/2","steps":1}', desk)

    url = b"https://reports.example.com/42/v%201%2F2"
    assert end == TaskEnd(TaskStatus.SUCCESS, b'{"user_id":42,"version":"v 1/2","report_url":"%b"}' % url)
    assert desk.shown == [Progress(1, 1, "Step 1 of 1")]


def test_a_second_run_gives_back_the_report_that_is_there() -> None:
    desk, input_ = KeepingDesk(), b'{"user_id":42,"version":"1","steps":1}'
    first = run("reports.generate", input_, desk)

    second = run("reports.generate", input_, desk, attempt=2)

    assert second == first
    assert len(desk.shown) == 1


def test_a_report_that_fails_is_tried_again_within_a_second() -> None:
    end = run("reports.generate", b'{"user_id":1,"version":"1","failure_rate":1}', KeepingDesk())

    assert isinstance(end, TaskAgain)
    assert 0 < end.delay < 1


def test_a_report_that_fails_five_times_has_failed() -> None:
    end = run("reports.generate", b'{"user_id":1,"version":"1","failure_rate":1}', KeepingDesk(), attempt=5)

    assert isinstance(end, TaskEnd)
    assert (end.error_code, end.error_detail) == ("transient_failure", "The generator failed at step 1.")


def test_a_cancelled_report_is_not_finished() -> None:
    desk = KeepingDesk(cancel_after=0)

    assert run("reports.generate", b'{"user_id":1,"version":"1"}', desk) == CANCELLED
    assert desk.markers == {}


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("demo.sleep", {"seconds": -1}),
        ("demo.sleep", {"seconds": 3601}),
        ("demo.sleep", {}),
        ("reports.generate", {"user_id": "x", "version": "1"}),
        ("reports.generate", {"user_id": 1, "version": ""}),
        ("reports.generate", {"user_id": 1, "version": "1", "steps": 0}),
        ("reports.generate", {"user_id": 1, "version": "1", "failure_rate": 1.1}),
        ("http.fetch", {"url": "https://example.com/", "method": "CONNECT"}),
        ("http.fetch", {"url": "https://example.com/", "headers": {"a": 1}}),
        ("http.fetch", {"url": "https://example.com/", "headers": None}),
    ],
)
def test_what_cannot_be_run_is_refused_at_submission(type_: str, value: JsonValue) -> None:
    assert len(defined()[type_].kind.problems(value, 64)) == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/", "blocked_address"),
        ("http://169.254.169.254/latest/", "blocked_address"),
        ("http://[::1]/", "blocked_address"),
        ("ftp://example.com/", "invalid_url"),
        ("http://localhost/", "invalid_url"),
        ("http://user@example.com/", "invalid_url"),
        ("http://2130706433/", "invalid_url"),
    ],
)
def test_a_url_that_is_not_allowed_is_not_fetched(url: str, code: str) -> None:
    end = run("http.fetch", b'{"url":"%b"}' % url.encode(), KeepingDesk())

    assert isinstance(end, TaskEnd)
    assert end.error_code == code


@pytest.mark.parametrize("name", ["Host", "Cookie", "X-Forwarded-For", "Metadata-Flavor", "Accept-Encoding", "a b"])
def test_a_header_that_is_not_allowed_is_not_sent(name: str) -> None:
    end = run("http.fetch", b'{"url":"http://example.com/","headers":{"%b":"x"}}' % name.encode(), KeepingDesk())

    assert isinstance(end, TaskEnd)
    assert end.error_code == "invalid_header"


def test_the_types_that_clients_do_not_see_are_ringbacks_own() -> None:
    assert {RECOVER.name, CHECK.name} == OWN
    assert not any(defined()[name].listed for name in OWN)
