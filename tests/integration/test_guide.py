"""The module of `docs/guides/your-first-task.md`, against a real mail server."""

import importlib.util
import re
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from cli.embedded.ports import free_port
from core.model.endings import TaskAgain, TaskEnd
from core.model.states import TaskStatus
from tests.house.tree import ROOT
from tests.support.desks import KeepingDesk, context_of
from tests.support.task_records import task_record
from workers.lifecycle import call
from workers.task_types.define import defined

PAGE = (ROOT / "docs/guides/your-first-task.md").read_text(encoding="utf-8")
HOST = "127.0.0.1"
INPUT = b'{"to":"ada@example.com","subject":"Hello","text":"It works."}'
MESSAGE_ID = f"<{task_record().id}@mailer.example>"


class Mailbox:
    """Keeps every mail, but takes none for `nobody`."""

    def __init__(self) -> None:
        self.mails: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content.decode())
        return "250 OK"


@pytest.fixture(scope="module")
def notify(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The page's module, imported from a file; its journal."""
    directory = tmp_path_factory.mktemp("guide")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (directory / "notify.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("notify", directory / "notify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["notify"] = module
    spec.loader.exec_module(module)
    yield directory
    del sys.modules["notify"]


@pytest.fixture
def journal(notify: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the module notes what it has sent, for this test."""
    assert notify.is_dir()
    monkeypatch.setattr("notify.JOURNAL", tmp_path / "mails.txt")
    return tmp_path / "mails.txt"


@pytest.fixture
def mailbox(journal: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Mailbox]:
    """A mail server that the module sends to."""
    assert not journal.exists()
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname=HOST, port=port)
    monkeypatch.setattr("notify.SERVER", f"{HOST}:{port}")
    controller.start()
    yield box
    controller.stop()


def run(desk: KeepingDesk, attempt: int = 1, input_: bytes = INPUT) -> object:
    return call(defined()["notify.email"], task_record(input=input_, run=attempt), context_of(desk, run=attempt))


def test_a_mail_is_sent_and_noted(mailbox: Mailbox, journal: Path) -> None:
    end = run(KeepingDesk())

    assert end == TaskEnd(TaskStatus.SUCCESS, f'"{MESSAGE_ID}"'.encode())
    assert journal.read_text() == f"{MESSAGE_ID} ada@example.com\n"
    (mail,) = mailbox.mails
    assert "Subject: Hello" in mail
    assert mail.rstrip().endswith("It works.")


def test_a_retry_after_the_mail_has_left_does_not_send_it_again(mailbox: Mailbox, journal: Path) -> None:
    desk = KeepingDesk()
    journal.mkdir()
    first = run(desk)
    journal.rmdir()

    second = run(desk, attempt=2)

    assert isinstance(first, TaskAgain)
    assert isinstance(second, TaskEnd)
    assert second.status == TaskStatus.SUCCESS
    assert len(mailbox.mails) == 1
    assert journal.read_text() == f"{MESSAGE_ID} ada@example.com\n"


def test_a_server_that_is_away_is_tried_again(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notify.SERVER", f"{HOST}:{free_port()}")

    assert isinstance(run(KeepingDesk()), TaskAgain)
    assert not journal.exists()


def test_a_refused_recipient_is_told_and_not_tried_again_for_ever(mailbox: Mailbox) -> None:
    end = run(KeepingDesk(), attempt=5, input_=INPUT.replace(b"ada@", b"nobody@"))

    assert isinstance(end, TaskEnd)
    assert end.error_code == "refused"
    assert mailbox.mails == []


def test_the_page_names_the_module_that_it_starts_with() -> None:
    assert "`notify.py`" in PAGE
    assert "RINGBACK_TASK_MODULES=notify " in PAGE
