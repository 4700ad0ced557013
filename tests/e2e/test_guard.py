"""All vectors of SSRF cases against the running product, where every forbidden address would answer."""

import socket
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
import trustme

from tests.conftest import TEMPLATE
from tests.e2e.conversations import Json, attempts, ended, submit
from tests.e2e.guard_cases import (
    ANSWERS,
    CANARIES,
    ELSEWHERE,
    FORBIDDEN,
    GOOD_NAMES,
    GOOD_URLS,
    HEADERS,
    HOSTILE_NAMES,
    HOSTILE_URLS,
    ODD_NAMES,
    STRANGERS,
    vectors,
)
from tests.e2e.guard_doors import by_event, by_task, by_test, register
from tests.support.name_server import Said
from tests.support.own_network import NoNetworkError
from tests.support.receiver import Receiver
from tests.support.rig import PUBLIC, Rig, rig
from tests.support.sending import SENDERS, server_tls
from tests.support.stack import eventually
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver

PLAIN = "http://{}.hook.test/"


@pytest.fixture(scope="module", params=SENDERS)
def module_rig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str
) -> Generator[Rig]:
    ask_redis(redis_store, "FLUSHALL")
    name = f"guard_{uuid4().hex}"
    database = postgres.create_database(name, TEMPLATE)
    try:
        with rig(
            tmp_path_factory.mktemp("rig"), database=database, redis=redis_store, sender=str(request.param)
        ) as started:
            yield started
    except NoNetworkError as error:
        pytest.skip(str(error))
    finally:
        postgres.drop_database(name)


@pytest.fixture
def guarded(module_rig: Rig) -> Generator[Rig]:
    """The product in its network, acting for a new tenant; no test may end with a trespass."""
    module_rig.stack.make_tenant(f"t-{uuid4().hex}")
    yield module_rig
    assert module_rig.trespasses == {}


def first_attempts(guarded: Rig, count: int) -> dict[str, Json]:
    """Return the first attempt of each delivery by its URL, once every delivery has one."""

    def look() -> list[Json]:
        found = cast("list[Json]", guarded.stack.get("/v1/deliveries", limit="200")["data"])
        assert (
            len([one for one in found if cast("int", one["attempt_count"]) > 0 and one["status"] != "pending"]) == count
        )
        return found

    return {str(one["url"]): attempts(guarded.stack, one)[0] for one in eventually(look, within=90)}


def errors(found: Mapping[str, Json]) -> dict[str, object]:
    return {url: attempt["error"] for url, attempt in found.items()}


def fetched(guarded: Rig, urls: Mapping[str, str]) -> dict[str, object]:
    """Return the error code of an `http.fetch` of each URL, once all have ended."""
    paths = {
        case: str(submit(guarded.stack, "http.fetch", input={"url": url}).headers["location"])
        for case, url in urls.items()
    }
    tasks = {case: ended(guarded.stack, path) for case, path in paths.items()}
    return {case: cast("Json", task["error"] or {}).get("code") for case, task in tasks.items()}


def urls_of(cases: Iterable[str]) -> dict[str, str]:
    return {case: PLAIN.format(case.lower()) for case in cases}


def turn(guarded: Rig, names: Mapping[str, Said]) -> None:
    """Let each name resolve to what it says from now on."""
    guarded.names.point("inner.hook.test", "10.0.0.5")
    for case, said in names.items():
        guarded.names.say(f"{case.lower()}.hook.test", said)


def test_every_case_of_the_vectors_is_tried_here() -> None:
    tables = (HOSTILE_URLS, GOOD_URLS, HOSTILE_NAMES, ODD_NAMES, ANSWERS, STRANGERS, HEADERS, ELSEWHERE)

    assert {case["id"] for case in vectors()} <= {case for table in tables for case in table}


def test_no_hostile_url_can_be_registered(guarded: Rig) -> None:
    answers = {case: register(guarded, url) for case, url in HOSTILE_URLS.items()}

    assert answers == dict.fromkeys(HOSTILE_URLS, 422)


def test_no_hostile_url_can_be_a_tasks_webhook_url(guarded: Rig) -> None:
    answers = {case: submit(guarded.stack, webhook_url=url).status_code for case, url in HOSTILE_URLS.items()}

    assert answers == dict.fromkeys(HOSTILE_URLS, 422)


def test_no_hostile_url_can_be_fetched(guarded: Rig) -> None:
    codes = fetched(guarded, HOSTILE_URLS)

    assert set(codes.values()) == {"invalid_url", "blocked_address"}


def test_no_reserved_or_broken_header_can_be_registered(guarded: Rig) -> None:
    answers = {
        (case, number): register(guarded, "http://93.184.216.34/", headers=headers)
        for case, several in HEADERS.items()
        for number, headers in enumerate(several)
    }

    assert set(answers.values()) == {422}


def test_good_urls_are_taken_and_reached(guarded: Rig) -> None:
    _ = [guarded.names.point(name, PUBLIC[0]) for name in GOOD_NAMES]
    urls = {**GOOD_URLS, "plain": "http://ok.hook.net/plain"}
    taken = {case: register(guarded, url) for case, url in urls.items()}

    submit(guarded.stack)

    assert taken == dict.fromkeys(urls, 201)
    reached = first_attempts(guarded, len(urls))
    assert {(one["error"], one["address"]) for one in reached.values()} <= {
        (None, PUBLIC[0]),
        (None, "11.22.33.44"),
        ("connect", PUBLIC[0]),
    }
    assert reached["http://ok.hook.net/plain"]["error"] is None


def test_a_name_that_resolves_to_a_forbidden_address_is_refused_like_the_address_itself(guarded: Rig) -> None:
    turn(guarded, HOSTILE_NAMES)
    post = guarded.stack.client.post
    literal = post("/v1/endpoints", json={"url": "http://10.0.0.5/"}).json()
    asked = [
        {case: post("/v1/endpoints", json={"url": url}) for case, url in urls_of(HOSTILE_NAMES).items()}
        for _ in range(3)
    ]
    quickest = [min(answers[case].elapsed.total_seconds() for answers in asked) for case in HOSTILE_NAMES]
    answers = asked[0]
    assert max(quickest) < 1
    assert {case: answer.status_code for case, answer in answers.items()} == dict.fromkeys(HOSTILE_NAMES, 422)
    assert {str(answer.json()["errors"]) for answer in answers.values()} == {str(literal["errors"])}
    assert [name for name in CANARIES if any(name in answer.text for answer in answers.values())] == []


def test_no_name_that_resolves_to_a_forbidden_address_can_be_fetched(guarded: Rig) -> None:
    turn(guarded, HOSTILE_NAMES)

    codes = fetched(guarded, urls_of(HOSTILE_NAMES))

    assert codes == dict.fromkeys(HOSTILE_NAMES, "blocked_address")


@pytest.mark.parametrize("door", [by_task, by_event, by_test])
def test_a_name_that_turns_after_it_was_registered_is_met_when_it_is_connected_to(
    guarded: Rig, door: Callable[[Rig], None]
) -> None:
    turn(guarded, dict.fromkeys(HOSTILE_NAMES, Said((PUBLIC[0],))))
    taken = {case: register(guarded, url) for case, url in urls_of(HOSTILE_NAMES).items()}
    turn(guarded, HOSTILE_NAMES)

    door(guarded)

    assert taken == dict.fromkeys(HOSTILE_NAMES, 201)
    found = first_attempts(guarded, len(HOSTILE_NAMES))
    assert errors(found) == dict.fromkeys(urls_of(HOSTILE_NAMES).values(), "blocked_address")
    assert {(one["address"], one["response"], one["note"]) for one in found.values()} == {(None, None, None)}
    assert [address for address in CANARIES if address in str(found)] == []


def test_a_tasks_webhook_url_that_turns_is_met_too(guarded: Rig, tmp_path: Path) -> None:
    turn(guarded, dict.fromkeys(HOSTILE_NAMES, Said((PUBLIC[0],))))
    held = {"gates": str(tmp_path)}
    paused = [
        submit(guarded.stack, "tests.gated", input=held, webhook_url=url) for url in urls_of(HOSTILE_NAMES).values()
    ]
    turn(guarded, HOSTILE_NAMES)
    _ = [(tmp_path / gate).touch() for gate in ("progress", "end")]

    found = first_attempts(guarded, len(paused))

    assert {answer.status_code for answer in paused} == {303}
    assert errors(found) == dict.fromkeys(urls_of(HOSTILE_NAMES).values(), "blocked_address")


def test_a_name_that_turns_between_two_answers_is_judged_by_the_one_that_is_used(guarded: Rig) -> None:
    names = {f"flip{number}": Said((address,)) for number, address in enumerate(FORBIDDEN)}
    for case, said in names.items():
        guarded.names.say(f"{case}.hook.test", Said((PUBLIC[0],)), said, Said((PUBLIC[0],)), said)

    codes = fetched(guarded, urls_of(names)) | fetched(guarded, urls_of(names))

    assert set(codes.values()) <= {None, "blocked_address"}


def test_a_kept_connection_stays_where_it_was_judged(guarded: Rig) -> None:
    guarded.names.point("keep.hook.test", PUBLIC[0])
    register(guarded, "http://keep.hook.test/")
    submit(guarded.stack)
    first_attempts(guarded, 1)
    guarded.names.point("keep.hook.test", "10.0.0.5")

    submit(guarded.stack)

    def look() -> list[Json]:
        found = cast("list[Json]", guarded.stack.get("/v1/deliveries")["data"])
        assert [one["status"] for one in found] == ["succeeded", "succeeded"]
        return found

    kept = [attempts(guarded.stack, one)[0]["address"] for one in eventually(look)]
    assert kept == [PUBLIC[0], PUBLIC[0]]


def test_names_that_strain_the_resolver_do_no_harm(guarded: Rig) -> None:
    turn(guarded, {case: said for case, (said, _) in ODD_NAMES.items()})
    for link in range(1, 20):
        guarded.names.say(f"chain{link}.hook.test", Said(alias=f"chain{link + 1}.hook.test"))
    guarded.names.point("chain20.hook.test", PUBLIC[1])
    taken = {case: register(guarded, url) for case, url in urls_of(ODD_NAMES).items()}

    submit(guarded.stack)

    assert taken == dict.fromkeys(ODD_NAMES, 201)
    found = errors(first_attempts(guarded, len(ODD_NAMES)))
    allowed = {PLAIN.format(case.lower()): wanted for case, (_, wanted) in ODD_NAMES.items()}
    assert [url for url, error in found.items() if error not in allowed[url]] == []


def test_no_answer_of_a_receiver_leads_anywhere(guarded: Rig) -> None:
    guarded.names.point("answers.hook.test", PUBLIC[0])
    for case, (answer, error) in ANSWERS.items():
        guarded.receiver.script(answer, path=f"/{case}")
        register(guarded, f"http://answers.hook.test/{case}", error)

    submit(guarded.stack)

    found = errors(first_attempts(guarded, len(ANSWERS)))
    assert {url.rpartition("/")[2]: error for url, error in found.items()} == {
        case: error for case, (_, error) in ANSWERS.items()
    }
    told = [dict(request.headers) for request in guarded.receiver.requests]
    assert [
        headers for headers in told if {"cookie", "authorization", "proxy-authorization"} & {*map(str.lower, headers)}
    ] == []


def test_no_stranger_is_trusted(guarded: Rig) -> None:
    _ = [guarded.names.point(f"{name}.hook.test", PUBLIC[0]) for name in ("stalls", "l1", "l2", "l3")]
    _ = [register(guarded, url, error) for url, error in STRANGERS.values()]
    tls = server_tls(trustme.CA(), "l1.hook.test", "l2.hook.test", PUBLIC[0])

    with (
        socket.create_server(("::", 8443), family=socket.AF_INET6, dualstack_ipv6=True),
        ThreadedReceiver(Receiver(host="::", port=443, tls=tls)) as trustless,
    ):
        submit(guarded.stack)
        found = errors(first_attempts(guarded, len(STRANGERS)))

    assert found == dict(STRANGERS.values())
    assert trustless.requests == ()


def test_no_key_leaks_to_where_the_environment_says(guarded: Rig) -> None:
    assert not guarded.key_log.exists()
