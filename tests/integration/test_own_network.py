"""The rig itself: a network in which every address answers, and a watch that misses no connection."""

import socket
from collections.abc import Generator

import dns.message
import dns.query
import pytest

from tests.support.name_server import NameServer, Said
from tests.support.own_network import NoNetworkError, own_network
from tests.support.stack import eventually
from tests.support.watch import Watch

ANYWHERE = ["93.184.216.34", "169.254.169.254", "10.0.0.5", "fd00:ec2::254", "64:ff9b::7f00:1", "2606:2800:220:1::1"]


def ask(name: str) -> list[str]:
    answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", timeout=2)
    return [line.split()[-1] for part in answer.answer for line in part.to_text().splitlines()]


@pytest.fixture
def watch() -> Generator[Watch]:
    try:
        with own_network(), Watch() as watching:
            yield watching
    except NoNetworkError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("address", ANYWHERE)
def test_every_address_answers_and_every_connection_is_seen(watch: Watch, address: str) -> None:
    with socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True):
        socket.create_connection((address, 8080), timeout=2).close()

    def look() -> None:
        assert watch.tried() == {(address, 8080): 1}

    eventually(look)


def test_a_connection_that_nobody_takes_is_seen_too(watch: Watch) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("169.254.169.254", 6379), timeout=2)

    def look() -> None:
        assert watch.tried() == {("169.254.169.254", 6379): 1}

    eventually(look)


def test_a_name_is_answered_differently_the_second_time(watch: Watch) -> None:
    with NameServer(["127.0.0.1"]) as names:
        names.say("turn.hook.test", Said(("93.184.216.34",)), Said(alias="inner.hook.test"))
        names.point("inner.hook.test", "10.0.0.5")

        answers = [ask("turn.hook.test"), ask("turn.hook.test")]

    assert answers == [["93.184.216.34"], ["inner.hook.test.", "10.0.0.5"]]
    assert ("127.0.0.1", 53) in watch.tried()
