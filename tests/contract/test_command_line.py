"""The command line against a real API: what it prints, and how it ends."""

import json
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import standardwebhooks

from cli.data_dir import DataDir
from tests.chaos.proxy import fault_proxy
from tests.contract.conftest import Stack
from tests.support.accounts import Account, data, document
from tests.support.answers import Answer
from tests.support.command_line import environment, printed, run, started
from tests.support.pulling import ack, pull, pulled_from, send
from tests.support.threaded import ThreadedReceiver


@pytest.fixture
async def key(client: httpx.AsyncClient) -> str:
    """An admin's key of the tenant."""
    return document(await client.post("/v1/keys", json={"name": "shell", "role": "admin"}))["key"]


@pytest.fixture
def env(tmp_path: Path, api: Stack, key: str) -> Mapping[str, str]:
    """A shell that knows the API and a key."""
    return environment(tmp_path, URL=str(api.client.base_url), API_KEY=key)


def test_what_was_sent_is_found_again(env: Mapping[str, str]) -> None:
    sent = printed(run(env, "events", "send", "order.paid", "--data", '{"n": 1}', "--json"))

    found = printed(run(env, "events", "show", str(sent["id"]), "--json"))

    assert (found["type"], found["data"]) == ("order.paid", {"n": 1})


def test_data_is_read_from_standard_input(env: Mapping[str, str]) -> None:
    done = run(env, "events", "send", "order.paid", "--data", "-", "--json", given='{"from": "a pipe"}')

    assert printed(done)["data"] == {"from": "a pipe"}


def test_data_is_read_from_a_file(env: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"from": "a file"}')

    done = run(env, "events", "send", "order.paid", "--data", f"@{tmp_path / 'data.json'}", "--json")

    assert printed(done)["data"] == {"from": "a file"}


async def test_a_trigger_sends_the_example_of_the_catalogue(client: httpx.AsyncClient, env: Mapping[str, str]) -> None:
    await client.put("/v1/event-types/order.paid", json={"example": {"order": "42"}})

    done = run(env, "trigger", "order.paid", "--json")

    assert printed(done)["data"] == {"order": "42"}


def test_a_trigger_of_an_unknown_type_sends_a_sample(env: Mapping[str, str]) -> None:
    assert printed(run(env, "trigger", "order.paid", "--json"))["data"] == {"message": "Sent by ringback trigger."}


def test_an_endpoint_lives_and_dies_by_commands(env: Mapping[str, str]) -> None:
    made = printed(run(env, "endpoints", "create", "http://127.0.0.1:9999/hook", "--type", "order.*", "--json"))
    paused = printed(run(env, "endpoints", "pause", str(made["id"]), "--json"))
    run(env, "endpoints", "delete", str(made["id"]))

    listed = run(env, "endpoints", "list", "--json")

    assert (made["event_types"], paused["status"], listed.stdout) == (["order.*"], "paused", "[]\n")


def test_a_table_that_is_piped_has_no_colours(env: Mapping[str, str]) -> None:
    printed(run(env, "endpoints", "create", "--json"))

    done = run({**env, "TERM": "xterm-256color"}, "endpoints", "list")

    assert ("enabled" in done.stdout, "\x1b" in done.stdout) == (True, False)


def test_a_list_goes_over_its_pages(env: Mapping[str, str]) -> None:
    run(env, "tasks", "run", "math.divide", "--input", '{"x": 1, "y": 2}')
    run(env, "tasks", "run", "math.divide", "--input", '{"x": 1, "y": 3}')

    done = run(env, "tasks", "list", "--limit", "1", "--json")

    assert [one["input"] for one in json.loads(done.stdout)] == [{"x": 1, "y": 3}]


def test_the_operator_acts_for_the_tenant_that_is_named(tmp_path: Path, api: Stack, acme: Account) -> None:
    operator = environment(tmp_path, URL=str(api.client.base_url), API_KEY=api.operator_key)

    made = run(operator, "--tenant", acme.slug, "keys", "create", "backend", "--role", "client", "--json")
    shown = run(operator, "tenants", "show", acme.slug, "--json")

    assert str(printed(made)["key"]).startswith("rb_")
    assert printed(shown)["slug"] == acme.slug


def test_a_profile_says_where_and_who(tmp_path: Path, api: Stack, key: str) -> None:
    (tmp_path / "ringback").mkdir()
    text = f'[staging]\nurl = "{api.client.base_url}"\napi_key = "{key}"\n'
    (tmp_path / "ringback" / "profiles.toml").write_text(text)

    done = run(environment(tmp_path), "--profile", "staging", "endpoints", "list", "--json")

    assert (done.returncode, done.stdout) == (0, "[]\n")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["events", "show", "evt_x"], 1, "ringback: Not found: There is no such event.\n"),
        (["events", "send", "task.ended"], 1, "ringback: Some values are not allowed: /type: "),
        (["events", "send", "a.b", "--data", "{"], 2, "ringback: --data is not JSON: "),
        (["endpoints", "create", "--more", "[]"], 2, "ringback: --more is no JSON object\n"),
        (["--url", "http://127.0.0.1:1", "events", "list"], 3, "ringback: http://127.0.0.1:1 does not answer: "),
        (["--profile", "nobody", "events", "list"], 2, "profiles.toml has no profile nobody\n"),
        (["listen", "--forward", "localhost"], 2, "ringback: localhost"),
        (["tasks", "run"], 2, "Missing argument"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(env: Mapping[str, str], args: list[str], code: int, said: str) -> None:
    done = run(env, *args)

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_without_a_key_the_command_says_how_to_give_one(tmp_path: Path) -> None:
    done = run(environment(tmp_path), "events", "list", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (
        2,
        "ringback: no API key: set RINGBACK_API_KEY, or write a profile\n",
    )


def test_the_key_that_lies_in_the_folder_is_shown_to_nobody_else(tmp_path: Path, api: Stack) -> None:
    (tmp_path / ".ringback").mkdir()
    (tmp_path / ".ringback" / "operator.key").write_text(api.operator_key)

    done = run(environment(tmp_path, URL=str(api.client.base_url)), "events", "list", cwd=tmp_path)

    assert (done.returncode, "no API key" in done.stderr) == (2, True)


def test_the_key_that_lies_in_the_folder_is_for_the_server_that_runs_on_it(
    tmp_path: Path, api: Stack, acme: Account
) -> None:
    folder = tmp_path / ".ringback"
    folder.mkdir()
    (folder / "operator.key").write_text(api.operator_key)
    env = environment(tmp_path, TENANT=acme.slug)

    stopped = run(env, "events", "list", cwd=tmp_path)
    with DataDir(folder).told_url(str(api.client.base_url)):
        running = run(env, "events", "list", cwd=tmp_path)
    (folder / "url").write_text(f"{api.client.base_url}\n")  # as one leaves it that was killed
    killed = run(env, "events", "list", cwd=tmp_path)

    nothing = "ringback: nothing runs on .ringback: `ringback up` does, or say RINGBACK_URL\n"
    assert [(one.returncode, one.stderr) for one in (stopped, killed)] == [(2, nothing)] * 2
    assert (running.returncode, running.stderr) == (0, "")


def test_a_port_that_is_none_is_told_so(tmp_path: Path) -> None:
    done = run(environment(tmp_path, PORT="x", OPERATOR_KEY="rb_x"), "events", "list", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (2, "ringback: RINGBACK_PORT: x is no port\n")


async def test_what_comes_is_sent_on_and_acknowledged(client: httpx.AsyncClient, env: Mapping[str, str]) -> None:
    with ThreadedReceiver() as local, started(env, "listen", "--forward", local.url, "--count", "2", "--json") as shell:
        local.script(Answer(500), Answer(200, body=b"thanks"))
        greeting = shell.line()
        await send(client, 1)
        lines = [shell.line(), shell.line()]
        code = shell.wait()

    first, second = local.requests
    verifier = standardwebhooks.Webhook(str(greeting["secret"]))
    assert [verifier.verify(one.body, dict(one.headers)) for one in (first, second)]
    assert [(one["type"], one["number"], one["status"]) for one in lines] == [
        ("order.paid", 1, 500),
        ("order.paid", 2, 200),
    ]
    assert (code, data(await client.get("/v1/endpoints"))) == (0, [])


async def test_an_api_that_was_away_for_a_moment_is_asked_again(
    client: httpx.AsyncClient, env: Mapping[str, str], api: Stack
) -> None:
    with ThreadedReceiver() as local, ExitStack() as network:
        port = network.enter_context(fault_proxy(api.port)).port
        near = {**env, "RINGBACK_URL": f"http://127.0.0.1:{port}"}
        with started(near, "listen", "--forward", local.url, "--count", "1", "--json") as shell:
            shell.line()
            network.close()
            away = shell.said()
            network.enter_context(fault_proxy(api.port, port))
            back = shell.said()
            await send(client, 1)
            said, code = shell.line(), shell.wait()

    assert away.endswith("; it is asked again\n")
    assert (back, said["status"], code) == ("ringback: it answers again\n", 200, 0)


async def test_attempts_are_followed_on_where_the_api_was_away(
    client: httpx.AsyncClient, env: Mapping[str, str], api: Stack
) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1)
    (pulled,) = await pull(client, endpoint)
    with fault_proxy(api.port) as network:
        near = {**env, "RINGBACK_URL": f"http://127.0.0.1:{network.port}"}
        with started(near, "tail", "--count", "1", "--json") as shell:
            shell.said()
            network.reset_all()
            await ack(client, endpoint, {"claim": pulled["claim"], "status": 200})
            line = shell.line()

    assert line["delivery_id"] == pulled["delivery_id"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_however_it_is_ended_it_deletes_the_endpoint_that_was_made_for_it(
    client: httpx.AsyncClient, env: Mapping[str, str], end: signal.Signals
) -> None:
    with started(env, "listen", "--forward", "http://127.0.0.1:1/", "--json") as shell:
        shell.line()
        there = data(await client.get("/v1/endpoints"))
        code = shell.interrupt(end)

    assert (len(there), code, data(await client.get("/v1/endpoints"))) == (1, 0, [])


async def test_a_local_server_that_is_away_is_a_failed_attempt(
    client: httpx.AsyncClient, env: Mapping[str, str]
) -> None:
    with started(env, "listen", "--forward", "http://127.0.0.1:1/", "--count", "1", "--json") as shell:
        shell.line()
        await send(client, 1)
        said = shell.line()

    assert (said["status"], said["error"]) == (None, "connect")


async def test_attempts_are_printed_as_they_happen(client: httpx.AsyncClient, env: Mapping[str, str]) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1)
    (pulled,) = await pull(client, endpoint)
    with started(env, "tail", "--count", "1", "--json") as shell:
        following = shell.said()
        await ack(client, endpoint, {"claim": pulled["claim"], "status": 200})
        line = shell.line()

    assert (following, line["delivery_id"]) == ("following attempts\n", pulled["delivery_id"])
