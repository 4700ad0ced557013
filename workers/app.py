"""The Celery worker: registers the task types, runs them in children, keeps their leases in the main process."""

import importlib
import os
import platform
import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast
from uuid import UUID

import structlog
from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Celery, Task, signals
from celery.exceptions import SecurityWarning
from celery.worker import state
from celery.worker.request import Request

from core import clock
from core.database import Database
from core.dispatch.broker import TASK_QUEUES, queue_name
from core.dispatch.celery import make_celery
from core.dispatch.parts import join_name, part_name
from core.model.json_value import JsonValue
from core.model.parts import Slice
from core.model.start_error import StartError
from core.registry.queries import register_task_type
from core.settings import Settings, require
from core.starting import errors_in_one_line, read_settings
from core.telemetry import configure_logging
from workers.consuming import TaskConsumer, WatchfulPool
from workers.leases import LeaseKeeper
from workers.runtime import Runtime
from workers.task_types.define import Definition, defined
from workers.time_limits import TimeLimits, overrun_of

BUILT_IN: Final = tuple(
    f"workers.task_types.{module}"
    for module in ("check", "mathematics", "network", "recovery", "reports", "waiting", "words")
)

UNSEEN_FOR: Final = 2.0
"""Seconds after which nobody but the lease keeper sees that a child is dead: Celery looks twice a second."""

_log: Final = structlog.stdlib.get_logger()


class WorkerState:
    """What the signals of one process hand to each other."""

    settings: Settings
    leased_by: str
    keeper: LeaseKeeper | None = None
    runtime: Runtime | None = None


_worker: Final = WorkerState()


class LeasedRequest(Request):
    """A request whose lease is let go of as soon as its child is lost, and whose run ends as it is killed."""

    is_over = False
    """Whether its child is dead, or about to be."""
    _dead_since: float | None = None

    @property
    def child(self) -> int | None:
        """The process that runs it, once one does."""
        return cast("int | None", self.worker_pid)

    def on_failure(self, exc_info: ExceptionInfo, send_failed_event: bool = True, return_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Tell the lease keeper, then do what Celery does."""
        cause: object = getattr(exc_info.exception, "exc", exc_info.exception)  # Celery wraps it on the way
        if isinstance(cause, WorkerLostError):
            self.let_go()
        if isinstance(cause, TimeLimitExceeded) and _worker.keeper is not None:  # the hard limit: it is killed next
            self.is_over = True
            overrun = overrun_of(defined(), self.name, self.id, self.args)
            if overrun is not None:
                _worker.keeper.overran(overrun)
        super().on_failure(exc_info, send_failed_event, return_ok)

    def look(self) -> None:
        """Let go of the run if its child has been dead for longer than Celery takes to see it, with its broker."""
        if not _is_dead(self.child):
            return
        self._dead_since = self._dead_since or clock.monotonic()
        if clock.monotonic() - self._dead_since >= UNSEEN_FOR:
            self.let_go()

    def let_go(self) -> None:
        """Let go of the run, whose child is dead; once, as this worker may have its task's next run by now."""
        keeper = _worker.keeper
        if keeper is None or self.is_over:
            return
        self.is_over = True
        run = overrun_of(defined(), self.name, self.id, self.args)
        if run is not None and run.in_parts and run.run is not None:
            keeper.lost_part(run.task_id, run.run)
        else:
            keeper.lost(UUID(self.id))


class LeasedTask(Task[..., None]):
    """A task whose requests are leased."""

    Request = f"{LeasedRequest.__module__}:{LeasedRequest.__qualname__}"


def make_worker(settings: Settings) -> Celery:
    """Return the app with every task type of the settings' modules."""
    for module in (*BUILT_IN, *settings.task_modules):
        _import(module)
    app = make_celery(settings)
    app.steps["worker"].add(WatchfulPool)
    app.conf.worker_consumer = f"{TaskConsumer.__module__}:{TaskConsumer.__qualname__}"
    for definition in defined().values():
        _add(app, definition)
    _worker.settings = settings
    _worker.leased_by = f"{platform.node()}/{os.getpid()}"
    return app


class TaskModuleError(StartError):
    """A module of task types cannot be found."""

    def __init__(self, module: str, missing: str | None) -> None:
        super().__init__(
            f"RINGBACK_TASK_MODULES: {module} cannot be imported, there is no module {missing};"
            " the folder that holds it has to be on PYTHONPATH, or its package installed"
        )


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise TaskModuleError(module, error.name) from error


def _add(app: Celery, definition: Definition) -> None:
    def run(task_id: str) -> None:
        if _worker.runtime is not None:
            _worker.runtime.run(definition, UUID(task_id))

    _task(app, definition, definition.kind.name, run)
    if definition.parts is not None:
        _add_parts(app, definition)


def _add_parts(app: Celery, definition: Definition) -> None:
    def part(task_id: str, run: int, offset: int, length: int) -> JsonValue:
        assert _worker.runtime is not None
        return _worker.runtime.run_part(definition, UUID(task_id), run, Slice(offset, length))

    def join(values: list[JsonValue], task_id: str, run: int) -> None:
        assert _worker.runtime is not None
        _worker.runtime.run_join(definition, values, UUID(task_id), run)

    _task(app, definition, part_name(definition.kind.name), part)
    _task(app, definition, join_name(definition.kind.name), join)


def _task(app: Celery, definition: Definition, name: str, run: Callable[..., object]) -> None:
    app.task(
        name=name,
        base=LeasedTask,
        soft_time_limit=definition.kind.soft_time_limit,
        time_limit=definition.kind.hard_time_limit,
        acks_late=True,
        reject_on_worker_lost=True,
        ignore_result=True,
    )(run)


def _running() -> Sequence[UUID]:
    """Return what runs, and let go of what has no child any more: without its broker Celery sees none of them die."""
    requests = _requests()
    for request in requests:
        request.look()
    return [UUID(request.id) for request in requests if not request.is_over]


def _requests() -> Sequence[LeasedRequest]:
    while True:
        try:
            return [one for one in tuple(state.active_requests) if isinstance(one, LeasedRequest)]
        except RuntimeError:  # Celery's own thread changed the set meanwhile
            continue


def _is_dead(pid: int | None) -> bool:
    """Tell whether a child has ended, by its state in proc(5); one that is not known yet has not."""
    if not pid:
        return False
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return told.rpartition(")")[2].split()[0] in "ZX"


def _kill(task_id: UUID) -> None:
    """End the child that runs a task which was asked to end and does not look; the pool replaces it."""
    for request in _requests():
        if request.id == str(task_id) and request.child and not request.is_over:
            _log.warning("task.killed", task_id=str(task_id))
            os.kill(request.child, signal.SIGKILL)


@signals.setup_logging.connect
def on_logging(**_: object) -> None:
    """Keep Celery from setting up logging its own way."""
    configure_logging(_worker.settings.log_level, _worker.settings.log_format)


@signals.worker_ready.connect
def on_ready(**_: object) -> None:
    """Keep the leases, and register the types as soon as Postgres is there; the children are forked by now."""
    settings = _worker.settings
    url = require(settings.database_url, "DATABASE_URL")
    _worker.keeper = LeaseKeeper(
        url,
        leased_by=_worker.leased_by,
        lease=settings.lease,
        running=_running,
        kill=_kill,
        register=register,
        end=TimeLimits(settings).end,
    )
    _worker.keeper.start()
    _log.info("worker.ready", task_types=sorted(defined()))


@signals.worker_shutdown.connect
def on_shutdown(**_: object) -> None:
    """End the lease keeper."""
    if _worker.keeper is not None:
        _worker.keeper.stop()


@signals.worker_process_init.connect
def on_child(**_: object) -> None:
    """Give the child connections of its own."""
    _worker.keeper = None
    _worker.runtime = Runtime(_worker.settings, leased_by=_worker.leased_by)


@signals.worker_process_shutdown.connect
def on_child_shutdown(**_: object) -> None:
    """Close the child's connections."""
    if _worker.runtime is not None:
        _worker.runtime.close()


async def register(database: Database) -> None:
    """Say in Postgres what this worker offers."""
    async with database.engine() as tx:
        for _, definition in sorted(defined().items()):  # in one order: two workers may do so at once
            if definition.listed:
                await register_task_type(tx, task_type=definition.kind)


def main() -> None:
    """Run a worker until a signal ends it."""
    with errors_in_one_line():
        settings = read_settings()
        require(settings.database_url, "DATABASE_URL")
        require(settings.broker_url, "BROKER_URL")
        require(settings.redis_url, "REDIS_URL")
        app = make_worker(settings)
    queues = ",".join(queue_name(name) for name in TASK_QUEUES)
    # A name of its own: of two workers of one host and name, RabbitMQ refuses the second its control queue.
    options = (
        f"--hostname=worker-{os.getpid()}@%h",
        "--without-gossip",
        "--without-mingle",
        "--pool=prefork",
        "--loglevel=WARNING",
    )
    os.environ.setdefault("C_FORCE_ROOT", "1")  # JSON only: no message is ever unpickled
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app.worker_main(
        ["--quiet", "worker", f"--concurrency={settings.worker_concurrency}", f"--queues={queues}", *options]
    )
