"""The check of a receiver finds each way to be wrong, and nothing wrong with a right one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.remote.trial import Trials
from core import clock
from core.model import ids
from core.model.conformance import GOOD, TRIALS, Message, messages
from core.model.signature import parse_secret
from tests.support.answers import Answer
from tests.support.command_line import environment, run
from tests.support.flawed import SECRET, receiver_with
from tests.support.threaded import ThreadedReceiver

REFUSALS = tuple(trial.name for trial in TRIALS if not trial.taken)
QUICK = [trial.name for trial in TRIALS if not trial.pause]


def made() -> Sequence[Message]:
    """Return the messages of all trials."""
    now = clock.unix_seconds()
    return messages([parse_secret(SECRET)], now=int(now), new_id=lambda: ids.encode(ids.EVENT, ids.new_uuid7(now)))


def failing(url: str, names: Sequence[str], timeout: float = 10) -> list[str]:
    """Try these; return what failed."""
    trials = Trials(url, timeout)
    found = [trials.run(one) for one in made() if one.trial in names]
    assert all(one["mend"] for one in found if one["passed"] is False)
    return [str(one["name"]) for one in found if not one["passed"]]


def test_a_body_that_is_not_encoded_as_it_says_is_an_error() -> None:
    (message,) = (one for one in made() if one.trial == GOOD)
    with ThreadedReceiver() as local:
        local.script(Answer(200, headers={"Content-Encoding": "gzip"}, body=b"plain"))
        found = Trials(local.url, 10).run(message)

    assert (found["status"], found["error"], found["passed"]) == (None, "protocol", False)


@pytest.mark.parametrize(
    ("flaw", "failed"),
    [
        ("takes_everything", REFUSALS),
        ("fails_instead", REFUSALS),
        ("looks_at_the_form", ("bad_signature", "stale_timestamp", "wrong_id", "changed_body")),
        *((name, (name,)) for name in QUICK if name not in {"good_signature", "bad_signature"}),
    ],
)
def test_each_way_to_be_wrong_is_found(flaw: str, failed: Sequence[str]) -> None:
    with receiver_with(flaw) as url:
        assert failing(url, QUICK) == list(failed)


def test_a_receiver_that_does_not_read_to_the_end_is_found() -> None:
    with receiver_with("slow_body") as url:
        assert failing(url, ["good_signature", "slow_body"]) == ["slow_body"]


def test_one_that_answers_too_late_takes_nothing() -> None:
    with receiver_with("never_answers") as url:
        assert failing(url, ["good_signature"], timeout=0.3) == ["good_signature"]


def test_one_that_is_right_passes_on_the_command_line(tmp_path: Path) -> None:
    with receiver_with("") as url:
        done = run(environment(tmp_path, SECRET=SECRET), "check", url, "--json")

    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"]) == (0, True)
    assert [one["name"] for one in report["trials"]] == [trial.name for trial in TRIALS]


def test_one_that_is_wrong_fails_on_the_command_line(tmp_path: Path) -> None:
    with receiver_with("stale_timestamp") as url:
        done = run(environment(tmp_path, SECRET=SECRET), "check", url)

    assert (done.returncode, done.stderr) == (4, "ringback: the receiver does not pass\n")
    assert "Compare webhook-timestamp with your clock" in " ".join(done.stdout.split())


def test_a_url_is_not_checked_without_its_secret(tmp_path: Path) -> None:
    done = run(environment(tmp_path), "check", "http://127.0.0.1:1/")

    assert (done.returncode, "--secret" in done.stderr) == (2, True)
