"""Folders and modules are named after stages and nouns, never after drawers."""

from pathlib import PurePosixPath

import pytest

from tests.house.tree import files

BANNED = ("utils", "util", "common", "helpers", "helper", "services", "service", "managers", "manager", "misc")
HIDDEN = {".ci", ".dockerignore", ".env.example", ".gitignore"}


@pytest.mark.parametrize("banned", BANNED)
def test_nothing_is_named_after_a_drawer(banned: str) -> None:
    named = [name for name in files() if banned in PurePosixPath(name).with_suffix("").parts]

    assert named == []


def test_no_other_tool_has_left_its_folder_or_settings() -> None:
    first = {PurePosixPath(name).parts[0] for name in files()}

    assert {name for name in first if name.startswith(".")} <= HIDDEN
