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
from api.hot import HotApi
from api.hot_protocol import HotWay
from api.live import Live
from api.middleware import RequestLog
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
from core.intake.notices import Notices
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
from core.lease.presence import Presence
from core.lease.pull import Pulls
from core.patience import end_all
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
)

_log: Final = structlog.stdlib.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """Return the app; it opens its stores when it is started."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        state = State.open(settings)
        watcher, listening, arrivals = _connect(app, state), Live(state.database), Arrivals(state.database)
        app.state.live, app.state.arrivals = listening, arrivals
        watcher.start()
        listening.start()
        arrivals.start()
        clock = asyncio.create_task(repeat("clock", state.database.ping, pause=CLOCK_PAUSE))
        _log.info("api.started")
        app.state.dismiss = partial(_dismiss, watcher, listening, arrivals)
        yield
        await end_all(clock)
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
        generate_unique_id_function=openapi.operation_id,
    )
    app.add_middleware(RequestLog)
    add_error_handlers(app)
    for module in _ROUTES:
        app.include_router(module.router)
    return app


def _connect(app: FastAPI, state: State) -> Watcher:
    settings = state.settings
    callbacks = Callbacks(state.resolver, allowed=settings.allow_targets, https_only=settings.https_only)
    app.state.ringback = state
    keys = Keys(state)
    app.state.sessions = signed_in = Sessions(state, keys)
    app.state.sign_ins = SignIns(state.database)
    app.state.throttle = Throttle(state.redis)
    app.state.registrar = Registrar(state.database, state.ring)
    app.state.tenant_changes = TenantChanges(state.database)
    app.state.endpoints = EndpointRegistrar(state.database, state.ring, callbacks)
    app.state.withdrawals = Withdrawals(state.database)
    app.state.submissions = Submissions(state.database, state.publisher, state.ring, callbacks)
    judge, schemas = Judge(), Schemas(state.database)
    app.state.catalogue = Catalogue(state.database)
    app.state.schemas = schemas
    app.state.acceptance = acceptance = Acceptance(state.database, state.publisher, judge, schemas)
    app.state.hot = HotWay(keys, acceptance, RequestLines(settings))
    app.state.replays = Replays(state.database, state.publisher, judge)
    teller = Teller(state.database, state.publisher, settings.base_url, judge)
    app.state.changes = Changes(state.database, teller, state.results, state.board, state.ring)
    app.state.reopenings = Reopenings(state.database, state.publisher)
    app.state.exports = Exports(state.database, state.redis, default_cap=DEFAULT_MAX_IN_FLIGHT)
    app.state.checks = Checks(state.database, state.publisher, state.ring)
    app.state.recoveries = Recoveries(state.database, state.publisher)
    presence, notices = Presence(state.redis), Notices(state.database, state.ring, settings)
    app.state.pulls = Pulls(state.database, presence, Meter(state.redis, presence), state.ring, settings)
    app.state.acknowledgements = Acknowledgements(state.database, state.ring, settings, notices)
    app.state.watcher = watcher = Watcher(state.database, state.redis, forget=signed_in.forget)
    return watcher


def _dismiss(watcher: Watcher, live: Live, arrivals: Arrivals) -> None:
    """Let nobody wait for more, so that the process can stop; asked for by each connection, done once."""
    if watcher.stopping:
        return
    for waiting in (watcher, live, arrivals):
        waiting.dismiss()
