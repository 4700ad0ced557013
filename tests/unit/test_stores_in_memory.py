"""Where the tests' stores lie: in memory where there is room, so that a database of a test's own costs little."""

from pathlib import Path

import pytest

from tests.support import stores
from tests.support.stores import private_directory, room_in_memory


def limited(monkeypatch: pytest.MonkeyPatch, group: Path, most: str) -> None:
    (group / "memory.max").write_text(f"{most}\n")
    (group / "memory.current").write_text("100\n")
    monkeypatch.setattr(stores, "GROUP", group)


def test_a_limit_of_the_group_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limited(monkeypatch, tmp_path, "1100")
    monkeypatch.setattr(stores, "MEMORY", tmp_path)

    assert room_in_memory() == 1000


def test_a_group_without_a_limit_has_what_the_machine_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limited(monkeypatch, tmp_path, "max")
    monkeypatch.setattr(stores, "MEMORY", tmp_path)

    assert room_in_memory() > 1000


def test_where_no_files_are_kept_in_memory_there_is_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stores, "MEMORY", tmp_path / "nowhere")

    assert room_in_memory() == 0


@pytest.mark.parametrize(("room", "inside"), [(0, True), (2**62, False)])
def test_a_directory_lies_in_memory_if_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int, *, inside: bool
) -> None:
    monkeypatch.setattr(stores, "MEMORY", tmp_path)
    monkeypatch.setattr(stores, "ROOM", room)

    with private_directory(in_memory=True) as directory, private_directory() as other:
        assert directory.is_relative_to(tmp_path) == inside
        assert not other.is_relative_to(tmp_path)
