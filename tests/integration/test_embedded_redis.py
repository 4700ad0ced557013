import threading
from collections.abc import Generator
from pathlib import Path
from signal import Signals

import pytest
from kombu import Connection

from cli.embedded.processes import BARE_ENVIRONMENT, spawn, stop
from cli.embedded.redis import Redis
from cli.embedded.store import end, start
from tests.support.stores import ask_redis, private_directory, redis_server


@pytest.fixture
def directory() -> Generator[Path]:
    with private_directory() as path:
        yield path


@pytest.fixture
def store(directory: Path) -> Redis:
    return Redis(directory / "data", directory, log=directory / "log")


def test_a_test_server_takes_values() -> None:
    with redis_server() as url:
        ask_redis(url, "SET", "key", "value")

        assert ask_redis(url, "GET", "key") == ["value"]


def test_the_broker_url_carries_messages(store: Redis) -> None:
    process = start(store)
    with Connection(store.broker_url) as connection, connection.SimpleQueue("greetings") as queue:
        queue.put({"hello": "world"})

        message = queue.get(timeout=60)

    end(store, process)
    assert message.payload == {"hello": "world"}


def test_messages_and_results_do_not_share_a_database(store: Redis) -> None:
    process = start(store)
    with Connection(store.broker_url) as connection:
        connection.SimpleQueue("greetings").put({})

    keys = ask_redis(store.redis_url, "DBSIZE")

    end(store, process)
    assert keys == ["0"]


@pytest.mark.parametrize(
    ("option", "value"), [("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")]
)
def test_a_server_keeps_what_it_is_given(store: Redis, option: str, value: str) -> None:
    process = start(store)

    found = ask_redis(store.redis_url, "CONFIG", "GET", option)

    end(store, process)
    assert found == [option, value]


def test_values_survive_a_crash_of_the_server(store: Redis) -> None:
    first = start(store)
    ask_redis(store.redis_url, "SET", "key", "value")
    stop(first, Signals.SIGKILL, grace=10)

    second = start(store)

    assert ask_redis(store.redis_url, "GET", "key") == ["value"]
    end(store, second)


def test_an_orphan_of_the_same_data_is_ended_first(store: Redis, directory: Path) -> None:
    orphan = start(store)
    (directory / "other").mkdir()
    successor = Redis(directory / "data", directory / "other", log=directory / "log")

    process = start(successor)

    assert orphan.wait(10) == 0
    end(successor, process)


def test_a_process_is_refused_to_a_thread_that_may_end_before_its_child() -> None:
    refusals: list[str] = []

    def work() -> None:
        try:
            spawn(["/bin/true"], death_signal=Signals.SIGKILL, env=BARE_ENVIRONMENT, output=2)
        except RuntimeError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert refusals == ["a child dies with the thread that forked it: start it from the main thread"]
