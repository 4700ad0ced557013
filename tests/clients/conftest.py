"""The running product, once for both clients, and somebody who holds a key of it."""

import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from ringback import Ringback

from tests.e2e.conftest import product
from tests.support.stack import Stack
from tests.support.stores import PostgresServer
from tests.support.threaded import ThreadedReceiver
from tests.support.typescript import SOURCE, built

CALL: Final = "console.log(await receive('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '{}', {}));\n"
"""The page defines a function that takes a webhook, and has none to give to it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant's key, and where it is good for something."""

    url: str
    key: str

    @property
    def env(self) -> dict[str, str]:
        """The environment of a program that uses it."""
        return {**os.environ, "RINGBACK_API_KEY": self.key, "RINGBACK_URL": self.url, "no_proxy": "*"}


@pytest.fixture(scope="package")
def running_stack(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str
) -> Generator[Stack]:
    """The product, for all tests of this folder that one worker runs."""
    with product(tmp_path_factory.mktemp("clients"), postgres, redis_store, RETRY_SCHEDULE="1,1") as up:
        yield up


@pytest.fixture
def account(running_stack: Stack) -> Account:
    """A tenant of the test's own."""
    return open_account(running_stack)


@pytest.fixture
def limited(running_stack: Stack) -> Account:
    """A tenant that may ask once a second."""
    return open_account(running_stack, requests_per_second=1)


def open_account(stack: Stack, **limits: int) -> Account:
    """Make a tenant with an admin's key."""
    slug = f"t-{uuid4().hex}"
    url = str(stack.client.base_url)
    with Ringback(stack.operator_key, url) as operator:
        operator.request("POST", "/v1/tenants", into=object, json={"slug": slug, "name": slug, "limits": limits})
    with Ringback(stack.operator_key, url, tenant=slug) as acting:
        return Account(url, str(acting.keys.create("admin", role="admin").key))


@pytest.fixture(scope="package")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client of TypeScript, compiled, with its tests and the code of its page."""
    page = (SOURCE / "README.md").read_text(encoding="utf-8")
    return built(tmp_path_factory.mktemp("typescript"), page=code_of(page, "ts") + CALL)


def code_of(page: str, language: str) -> str:
    """Return all code of a page, as one program."""
    blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    return "\n".join(blocks)


@pytest.fixture
def client(account: Account) -> Generator[Ringback]:
    """The client of Python, with that key."""
    with Ringback(account.key, account.url) as opened:
        yield opened


@pytest.fixture
def receiver() -> Generator[ThreadedReceiver]:
    """A receiver that a test can script."""
    with ThreadedReceiver() as started:
        yield started
