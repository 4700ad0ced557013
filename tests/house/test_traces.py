"""Nothing in the repository tells of the machine or the network that it was written on."""

import re

import pytest

from tests.house.tree import texts

# Each is written in two parts, so that this file does not find itself.
HOMES = ["/" + "root/", "/" + "home/", "/" + "Users/", "/" + "work/", ".." + "/shared"]
HOSTS = [
    "pypi." + "org",
    "pythonhosted." + "org",
    "npmjs." + "org",
    "golang." + "org",
    "crates." + "io",
    "debian." + "org",
    "rubygems." + "org",
]


@pytest.mark.parametrize("path", HOMES)
def test_no_file_names_a_place_of_one_machine(path: str) -> None:
    place = re.compile(rf"(?<![\w.~/-]){re.escape(path)}")

    assert [name for name, text in texts().items() if place.search(text)] == []


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert [name for name, text in texts().items() if host in text] == []
