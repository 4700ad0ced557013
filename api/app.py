"""The API: everything that it is made of, connected."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
from fastapi import FastAPI

from api import openapi
from api.arrivals import Arrivals
from api.auth import Keys
from api.background import repeat
from api.errors import add_error_handlers
from api.holdings import Holdings
from api.hot import HotApi
from api.hot_protocol import HotWay
from api.live import Live
from api.middleware import RequestLog
from api.pull_deps import RoomyPulls
from api.request_lines import RequestLines
from api.routes import (
    checks,
    dashboard,
    deliveries,
    delivery_changes,
    delivery_export,
    endpoint_changes,
    endpoint_secrets,
    endpoint_stats,
    endpoints,
    event_changes,
    event_types,
    events,
    health,
    live,
    metrics,
    portal_links,
    problems,
    pull,
    recoveries,
    reference,
    sessions,
    stats,
    stream,
    task_changes,
    task_types,
    tasks,
    tenants,
)
from api.sessions import Sessions
from api.state import State
from api.throttle import Throttle
from api.watch import Watcher
from core.intake.acceptance import Acceptance
from core.intake.change import Changes
from core.intake.check import Checks
from core.intake.judge import Judge
from core.intake.limits import Admission
from core.intake.notices import Notices
from core.intake.own_tasks import OwnTasks
from core.intake.recover import Recoveries
from core.intake.reopen import Reopenings
from core.intake.replay import Replays
from core.intake.schemas import Schemas
from core.intake.submit import Submissions
from core.intake.telling import Teller
from core.intake.withdraw import Withdrawals
from core.journal.export import Exports
from core.lease.acknowledge import Acknowledgements
from core.lease.meter import Meter
from core.lease.presence import APIS, Presence
from core.patience import Turns, end_all
from core.registry.callbacks import Callbacks
from core.registry.catalogue import Catalogue
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.registry.register import Registrar
from core.registry.register_endpoints import EndpointRegistrar
from core.registry.sign_in import SignIns
from core.registry.tenant_changes import TenantChanges
from core.settings import Settings
from core.version import VERSION

CLOCK_PAUSE: Final = 10.0
"""Seconds after which the database's clock, whose time IDs carry, is read again."""
PRESENCE_PAUSE: Final = 1.0
"""Seconds after which an API process says again that it is there: its share of a limit while Redis is away."""
_ROUTES: Final = (
    tasks,
    task_changes,
    stream,
    task_types,
    endpoints,
    endpoint_changes,
    endpoint_secrets,
    endpoint_stats,
    event_changes,
    event_types,
    events,
    pull,
    recoveries,
    checks,
    delivery_export,  # before the path that takes any name for a delivery
    deliveries,
    delivery_changes,
    live,
    stats,
    tenants,
    sessions,
    portal_links,
    health,
    metrics,
    problems,
    dashboard,
    reference,
)

_log: Final = structlog.stdlib.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """Return the app; it opens its stores when it is started."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        state = State.open(settings)
        presence = Presence(state.redis, APIS)
        watcher, listening, arrivals = _connect(app, state, presence), Live(state.database), Arrivals(state.database)
        app.state.live, app.state.arrivals = listening, arrivals
        watcher.start()
        listening.start()
        arrivals.start()
        clock = asyncio.create_task(repeat("clock", state.database.ping, pause=CLOCK_PAUSE))
        meeting = asyncio.create_task(repeat("presence", partial(_meet, state, presence), pause=PRESENCE_PAUSE))
        _log.info("api.started")
        app.state.dismiss = partial(_dismiss, watcher, listening, arrivals)
        yield
        await end_all(clock, meeting)
        await watcher.stop()
        await listening.stop()
        await arrivals.stop()
        await state.close()
        _log.info("api.stopped")

    app = HotApi(
        title=openapi.TITLE,
        summary=openapi.SUMMARY,
        description=openapi.DESCRIPTION,
        version=VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # ours is in `api.routes.reference`: FastAPI's has browsers run what another host says
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    app.add_middleware(RequestLog)
    add_error_handlers(app)
    for module in _ROUTES:
        app.include_router(module.router)
    return app


def _connect(app: FastAPI, state: State, presence: Presence) -> Watcher:
    settings = state.settings
    callbacks = Callbacks(state.resolver, allowed=settings.allow_targets, https_only=settings.https_only)
    app.state.ringback = state
    app.state.holdings = holdings = Holdings()
    keys = Keys(state)
    app.state.sessions = signed_in = Sessions(state, keys)
    app.state.sign_ins = SignIns(state.database)
    app.state.throttle = Throttle(state.redis, presence)
    app.state.registrar = Registrar(state.database, state.ring)
    app.state.tenant_changes = TenantChanges(state.database)
    app.state.endpoints = EndpointRegistrar(state.database, state.ring, callbacks)
    app.state.withdrawals = Withdrawals(state.database)
    admission = Admission(state.database)
    app.state.submissions = Submissions(state.database, state.publisher, state.ring, callbacks, admission=admission)
    own_tasks = OwnTasks(state.database, state.publisher, admission)
    judge, turns = Judge(), Turns()
    schemas = Schemas(state.database, turns=turns)
    app.state.catalogue = Catalogue(state.database, turns)
    app.state.schemas = schemas
    app.state.acceptance = acceptance = Acceptance(state.database, state.publisher, judge, schemas)
    app.state.hot = HotWay(keys, acceptance, RequestLines(settings))
    app.state.replays = Replays(state.database, state.publisher, judge)
    teller = Teller(state.database, state.publisher, settings.base_url, judge)
    app.state.changes = Changes(state.database, teller, state.results, state.board, state.ring)
    app.state.reopenings = Reopenings(state.database, state.publisher)
    app.state.exports = Exports(state.database, state.redis, default_cap=DEFAULT_MAX_IN_FLIGHT)
    app.state.checks = Checks(state.database, own_tasks, state.ring)
    app.state.recoveries = Recoveries(state.database, own_tasks)
    notices = Notices(state.database, state.ring, settings)
    app.state.pulls = pulls = RoomyPulls(state.database, Meter(state.redis, presence), state.ring, settings)
    pulls.holdings = holdings
    app.state.acknowledgements = Acknowledgements(state.database, state.ring, settings, notices)
    app.state.watcher = watcher = Watcher(state.database, state.redis, forget=signed_in.forget)
    return watcher


async def _meet(state: State, presence: Presence) -> None:
    await presence.meet(state.database.unix_seconds())


def _dismiss(watcher: Watcher, live: Live, arrivals: Arrivals) -> None:
    """Let nobody wait for more, so that the process can stop; asked for by each connection, done once."""
    if watcher.stopping:
        return
    for waiting in (watcher, live, arrivals):
        waiting.dismiss()
