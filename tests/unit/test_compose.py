"""What docker-compose.yml promises."""

import base64
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from core.model.api_key import has_valid_checksum
from core.settings import Settings
from tests.support.compose import ROOT, Service, commands, compose, read, variables
from workers.app import BUILT_IN
from workers.task_types.define import HARD_TIME_LIMIT, defined

COMPOSE = compose()
RINGBACK = ("migrate", "api", "worker", "deliverer")
STORES = ("postgres", "redis", "rabbitmq")
LASTING = sorted(set(COMPOSE.services) - {"migrate"})
SECRET = re.compile(r"(PASSWORD|_KEYS?|_AUTH|_PASS)$")

every_service = pytest.mark.parametrize("service", COMPOSE.services.values(), ids=COMPOSE.services)


def built_in_limits() -> list[int]:
    """Return the hard time limits of all task types that Ringback brings along, in seconds."""
    modules = {import_module(name).__name__ for name in BUILT_IN}
    return [one.kind.hard_time_limit for one in defined().values() if one.function.__module__ in modules]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_all_parts_are_there() -> None:
    assert set(COMPOSE.services) == {*STORES, *RINGBACK, "flower"}


def test_only_the_api_and_two_pages_are_published_and_on_this_machine_unless_told() -> None:
    published = {name: service.ports for name, service in COMPOSE.services.items() if service.ports}

    assert published == {
        "api": ["${API_ADDRESS:-127.0.0.1}:${API_PORT:-8000}:8000"],
        "flower": ["127.0.0.1:${FLOWER_PORT:-5555}:5555"],
        "rabbitmq": ["127.0.0.1:${RABBITMQ_MANAGEMENT_PORT:-15672}:15672"],
    }


@every_service
def test_nothing_runs_as_root(service: Service) -> None:
    assert service.user.partition(":")[0] not in {"", "0", "root"}


@every_service
def test_nothing_can_write_to_its_image_or_gain_rights(service: Service) -> None:
    assert service.read_only
    assert "/tmp" in service.tmpfs
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]


@every_service
def test_everything_is_limited(service: Service) -> None:
    limits = service.deploy.resources.limits

    assert float(limits.cpus) > 0
    assert re.fullmatch(r"\d+[mg]", limits.memory)
    assert limits.pids > 0


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_asked_whether_it_is_well_and_starts_again(name: str) -> None:
    service = COMPOSE.services[name]

    assert service.healthcheck.test[0] in {"CMD", "CMD-SHELL"}
    assert service.restart == "unless-stopped"


def test_the_migration_runs_once() -> None:
    service = COMPOSE.services["migrate"]

    assert service.command == ["ringback", "migrate"]
    assert service.healthcheck.disable
    assert service.restart == "no"


@pytest.mark.parametrize("name", ["api", "worker", "deliverer"])
def test_processes_wait_for_the_schema_and_for_each_store_that_they_use(name: str) -> None:
    service = COMPOSE.services[name]
    used = {store for store in STORES if any(f"@{store}:" in str(value) for value in service.environment.values())}

    waited_for = {other: dependency.condition for other, dependency in service.depends_on.items()}

    assert waited_for == {"migrate": "service_completed_successfully", **dict.fromkeys(used, "service_healthy")}


@pytest.mark.parametrize("name", ["api", "worker", "deliverer"])
def test_processes_that_last_share_every_store(name: str) -> None:
    assert {f"RINGBACK_{store}_URL" for store in ("DATABASE", "BROKER", "REDIS")} <= set(
        COMPOSE.services[name].environment
    )


def test_every_setting_reaches_somebody_but_those_that_an_image_fixes() -> None:
    given = {name.removeprefix("RINGBACK_").lower() for one in RINGBACK for name in COMPOSE.services[one].environment}

    assert set(Settings.model_fields) - given == {"data_dir", "log_format"}


def test_the_stores_have_no_way_out_and_those_who_call_out_have() -> None:
    networks = {name: set(service.networks) for name, service in COMPOSE.services.items()}
    inner = COMPOSE.networks["stores"]

    assert inner is not None
    assert inner.internal
    assert {name for name, joined in networks.items() if "egress" in joined} == {"deliverer", "worker"}
    assert {name for name, joined in networks.items() if joined == {"stores"}} == {"postgres", "redis", "migrate"}
    assert networks["rabbitmq"] == {"stores", "management"}
    assert networks["flower"] == {"management"}
    assert networks["api"] == {"stores", "front"}


@pytest.mark.parametrize("name", STORES)
def test_the_stores_keep_their_data_in_named_volumes(name: str) -> None:
    mounted = [volume.partition(":")[0] for volume in COMPOSE.services[name].volumes]

    assert name in mounted
    assert name in COMPOSE.volumes


@every_service
def test_mounted_files_are_there_and_read_only(service: Service) -> None:
    mounted = [volume for volume in service.volumes if volume.startswith(".")]

    assert all((ROOT / volume.split(":")[0]).is_file() for volume in mounted)
    assert all(volume.endswith(":ro") for volume in mounted)


def test_every_password_and_key_has_to_be_given() -> None:
    named = variables(read("docker-compose.yml"))

    secret = [variable for variable in named if SECRET.search(variable.name)]

    assert len({variable.name for variable in secret}) == 7
    assert all(variable.required for variable in secret)


@every_service
def test_no_secret_stands_in_the_file(service: Service) -> None:
    values = {name: value or "" for name, value in service.environment.items()}
    passwords = [found for value in values.values() for found in re.findall(r"://\w*:(.*)@", value)]
    secrets = [value for name, value in values.items() if SECRET.search(name)]

    assert [text for text in passwords + secrets if not re.fullmatch(r"(ringback:)?\$\{\w+:\?[^}]+\}", text)] == []


@pytest.mark.parametrize("name", RINGBACK)
def test_every_setting_is_one_of_ringbacks(name: str) -> None:
    given = {variable.removeprefix("RINGBACK_").lower() for variable in COMPOSE.services[name].environment}

    assert given <= set(Settings.model_fields)


@pytest.mark.parametrize("name", ["api", "worker", "deliverer"])
def test_every_command_is_a_module_that_runs(name: str) -> None:
    command = COMPOSE.services[name].command

    assert command[:2] == ["python", "-m"]
    assert find_spec(f"{command[2]}.__main__") is not None


@pytest.mark.parametrize(("name", "unwanted"), [("worker", "SECRET_KEYS"), ("deliverer", "OPERATOR_KEY")])
def test_processes_get_no_secret_that_they_do_not_need(name: str, unwanted: str) -> None:
    assert f"RINGBACK_{unwanted}" not in COMPOSE.services[name].environment


def test_flower_wants_a_password_and_changes_nothing() -> None:
    given = COMPOSE.services["flower"].environment

    assert given["FLOWER_BASIC_AUTH"] == "ringback:${FLOWER_PASSWORD:?see .env.example}"
    assert given["FLOWER_READ_ONLY"] == "true"
    assert given.keys().isdisjoint({"FLOWER_UNAUTHENTICATED_API", "FLOWER_ENABLE_EVENTS"})


def test_flower_waits_for_the_broker_that_the_worker_uses() -> None:
    flower, worker = COMPOSE.services["flower"], COMPOSE.services["worker"]

    assert {name: one.condition for name, one in flower.depends_on.items()} == {"rabbitmq": "service_healthy"}
    assert flower.environment["CELERY_BROKER_URL"] == worker.environment["RINGBACK_BROKER_URL"]


@pytest.mark.parametrize(
    ("name", "dockerfile"), [("migrate", "deploy/Dockerfile"), ("flower", "deploy/flower.Dockerfile")]
)
def test_an_image_that_is_built_is_built_of_a_file_that_is_there(name: str, dockerfile: str) -> None:
    build = COMPOSE.services[name].build

    assert build is not None
    assert build.dockerfile == dockerfile
    assert (ROOT / dockerfile).is_file()


def test_a_running_task_may_end_before_its_worker_is_killed() -> None:
    assert seconds(COMPOSE.services["worker"].stop_grace_period) > HARD_TIME_LIMIT


def test_the_broker_waits_longer_for_a_task_than_any_hard_time_limit() -> None:
    milliseconds = re.search(r"^consumer_timeout = (\d+)$", read("deploy/rabbitmq.conf"), re.MULTILINE)

    assert milliseconds is not None
    assert int(milliseconds[1]) > max(built_in_limits()) * 1000


def test_the_example_names_every_value_that_has_to_be_given() -> None:
    required = {variable.name for variable in variables(read("docker-compose.yml")) if variable.required}

    assert set(commands()) == required


def made(name: str) -> str:
    """Return what the command above a name prints."""
    command = [sys.executable, *commands()[name][1:]]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("name", sorted(name for name in commands() if name.endswith("PASSWORD")))
def test_its_commands_make_passwords_that_a_url_can_hold(name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{48}", made(name))


def test_its_command_makes_an_operator_key_that_ringback_takes() -> None:
    assert has_valid_checksum(made("RINGBACK_OPERATOR_KEY"))


def test_its_command_makes_a_key_for_the_ring() -> None:
    assert len(base64.b64decode(made("RINGBACK_SECRET_KEYS"), validate=True)) == 32
