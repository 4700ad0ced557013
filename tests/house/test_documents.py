"""The documents say what is there."""

import re
from pathlib import PurePosixPath
from posixpath import normpath

import pytest

from api.app import create_app
from core.model.states import DeliveryStatus, EndpointStatus, TaskStatus
from core.model.tables import metadata
from core.settings import Settings
from tests.house.tree import ROOT, files, modules, texts

DOCUMENTS = {name: text for name, text in texts().items() if name.endswith(".md")}
DECISIONS = sorted(name for name in DOCUMENTS if name.startswith("docs/decisions/"))
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "What enforces it"]
NAMED = re.compile(r"`([\w./]+\.py)::([\w.]+)`")
PATH = re.compile(r"`((?:api|core|workers|cli|migrations|tests|examples|clients|deploy|requirements)/[\w./-]*\w)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)

every_document = pytest.mark.parametrize("name", sorted(DOCUMENTS))


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def target(name: str, link: str) -> tuple[str, str]:
    """Return the file and the anchor that a relative link of a document means."""
    path, _, place = link.partition("#")
    return (normpath(str(PurePosixPath(name).parent / path)) if path else name), place


def links(name: str) -> list[tuple[str, str]]:
    """Return what the relative links of a document mean."""
    found = [str(link) for link in LINK.findall(DOCUMENTS[name])]
    return [target(name, link) for link in found if not re.match(r"[a-z]+:", link)]


@every_document
def test_every_link_leads_to_a_file(name: str) -> None:
    assert [path for path, _ in links(name) if path not in files()] == []


@every_document
def test_every_link_to_a_section_leads_to_one(name: str) -> None:
    sections = [(path, place) for path, place in links(name) if place]

    lost = [
        (path, place) for path, place in sections if place not in map(anchor, HEADING.findall(DOCUMENTS.get(path, "")))
    ]

    assert lost == []


@every_document
def test_every_name_of_code_is_there(name: str) -> None:
    there = {module.path: module.definitions() for module in modules()}

    assert [pair for pair in NAMED.findall(DOCUMENTS[name]) if pair[1] not in there.get(pair[0], ())] == []


@every_document
def test_every_path_is_there(name: str) -> None:
    assert [path for path in PATH.findall(DOCUMENTS[name]) if not (ROOT / path).exists()] == []


def test_the_architecture_names_code_in_each_step() -> None:
    flows = DOCUMENTS["docs/architecture.md"].split("\n## ")[2:4]
    steps = [step for flow in flows for step in re.split(r"\n(?=\d+\. )", flow)[1:]]

    assert len(steps) > 20
    assert [step for step in steps if not NAMED.search(step)] == []


def test_the_storage_page_names_every_table_and_index() -> None:
    tables = list(metadata.tables.values())
    wanted = {table.name for table in tables} | {str(index.name) for table in tables for index in table.indexes}

    assert {name for name in wanted if f"`{name}`" not in DOCUMENTS["docs/storage.md"]} == set()


@pytest.mark.parametrize("states", [TaskStatus, DeliveryStatus, EndpointStatus])
def test_the_states_page_names_every_state(states: type[TaskStatus | DeliveryStatus | EndpointStatus]) -> None:
    assert {state.value for state in states if state.value not in DOCUMENTS["docs/states.md"]} == set()


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_is_one_page_with_one_sentence_to_quote(name: str) -> None:
    text = DOCUMENTS[name]

    assert re.match(rf"# {PurePosixPath(name).name[:4]} \w", text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert len(re.findall(r"^> .+\.$", text, re.MULTILINE)) == 1
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(PurePosixPath(name).name[:4]) for name in DECISIONS]

    assert numbers == list(range(1, len(numbers) + 1))


@every_document
def test_every_target_of_make_is_there(name: str) -> None:
    offered = set(re.findall(r"^([a-z]+):", texts()["Makefile"], re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", DOCUMENTS[name], re.MULTILINE)) <= offered


@pytest.mark.parametrize("name", ["README.md", "docs/start.md"])
def test_what_newcomers_call_is_served(name: str) -> None:
    served = {re.sub(r"\{\w+\}", "{}", path) for path in create_app(Settings()).openapi()["paths"]}
    called = re.findall(r'"\$API(/v1/[^"]*)"', DOCUMENTS[name])

    assert called
    assert {re.sub(r"\$\w+", "{}", path) for path in called} <= served
