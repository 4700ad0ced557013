"""`ringback up`: everything on this machine, in the foreground."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cli.credentials import OperatorKey, operator_key, secret_keys
from cli.data_dir import DataDir, open_data_dir
from cli.embedded.ports import refuse_taken
from cli.embedded.postgres import Postgres
from cli.embedded.redis import Redis
from cli.embedded.runtime_dir import RuntimeDir
from cli.migration import migration
from cli.readiness import EVERY_ADDRESS, Api, Readiness, url_of
from cli.stop_signals import StopSignals
from cli.supervisor import Program, StopRequestedError, Supervisor
from cli.welcome import welcome
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs beside the stores."""

    migration: Program
    programs: Sequence[Program]


def default_plan() -> Plan:
    """Return the platform's own processes."""
    modules = {"api": "api", "worker": "workers", "deliverer": "workers.delivery"}
    programs = tuple(Program(name, (sys.executable, "-m", module)) for name, module in modules.items())
    return Plan(migration(), programs)


def up(settings: Settings, plan: Plan, inherited: Mapping[str, str] = os.environ) -> None:
    """Run everything until SIGINT or SIGTERM, and end it in order.

    Stores are started only where no URL was given. Everything that can be refused is refused before anything
    is started.

    Args:
        settings: as read from the environment.
        plan: what to run.
        inherited: the environment that the children get, with the URLs and keys added.

    Raises:
        StartError: it cannot run, or a child keeps dying.
    """
    with open_data_dir(settings.data_dir) as data_dir:
        key = operator_key(settings, data_dir)
        ring = secret_keys(settings, data_dir)
        refuse_taken(settings.host, settings.port)
        url = url_of(settings.host, settings.port)
        env = {
            "RINGBACK_HTTPS_ONLY": "false",
            "RINGBACK_LOG_FORMAT": "console",
            **({} if settings.host in EVERY_ADDRESS else {"RINGBACK_PUBLIC_URL": url}),  # then links are relative
            **inherited,
            "RINGBACK_HOST": settings.host,
            "RINGBACK_PORT": str(settings.port),
            "RINGBACK_DATA_DIR": str(data_dir.root),
            "RINGBACK_OPERATOR_KEY": key.text,
            "RINGBACK_SECRET_KEYS": ring,
        }
        with data_dir.told_url(url):
            _run(settings, plan, data_dir, key, env)


def _run(settings: Settings, plan: Plan, data_dir: DataDir, key: OperatorKey, env: dict[str, str]) -> None:
    api = Api(settings.host, settings.port, key.text)
    with (
        StopSignals() as signals,
        RuntimeDir(data_dir.run) as runtime,
        suppress(StopRequestedError),
        Supervisor(signals, sys.stderr.buffer) as supervisor,
    ):
        env |= _start_stores(settings, supervisor, data_dir, runtime)
        supervisor.run_to_end(plan.migration, env)
        supervisor.start(plan.programs, env)
        readiness = Readiness(api, on_ready=lambda: _show(welcome(api, key, data_dir)), say=supervisor.say)
        supervisor.watch(readiness.turn)


def _start_stores(settings: Settings, supervisor: Supervisor, data_dir: DataDir, runtime: RuntimeDir) -> dict[str, str]:
    """Start what is not given; return every store's URL as the children will read it."""
    urls = {
        "RINGBACK_DATABASE_URL": settings.database_url,
        "RINGBACK_BROKER_URL": settings.broker_url,
        "RINGBACK_REDIS_URL": settings.redis_url,
    }
    if not settings.database_url:
        postgres = Postgres(data_dir.postgres, runtime.path, log=data_dir.log_of("postgres"))
        supervisor.start_store(postgres)
        urls["RINGBACK_DATABASE_URL"] = postgres.url
    if not (settings.broker_url and settings.redis_url):
        redis = Redis(data_dir.redis, runtime.path, log=data_dir.log_of("redis"))
        supervisor.start_store(redis)
        urls["RINGBACK_BROKER_URL"] = settings.broker_url or redis.broker_url
        urls["RINGBACK_REDIS_URL"] = settings.redis_url or redis.redis_url
    return {name: url for name, url in urls.items() if url}


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
