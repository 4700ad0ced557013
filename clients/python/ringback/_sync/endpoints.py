"""Endpoints: the URLs that partners are called back at."""

from collections.abc import Sequence
from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.wire import Wire
from ringback.answers import given, path, read
from ringback.generated.models import (
    AckedPage,
    CancelledOut,
    DeliveryOut,
    EndpointOut,
    EndpointPage,
    EndpointSecretOut,
    EndpointStatsOut,
    MissedOut,
    NewEndpointOut,
    PulledOut,
    PulledPage,
    TaskOut,
)
from ringback.generated.params import (
    EndpointIn,
    EndpointPatch,
    ListEndpointsParametersQuery,
    PreviewRecoverParametersQuery,
)
from ringback.lines import Ack


class Endpoints:
    """`client.endpoints`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, *, idempotency_key: str | None = None, **fields: Unpack[EndpointIn]) -> NewEndpointOut:
        """Register a URL; the answer's `secret` is what its receiver verifies by."""
        return self._wire.request(
            "POST", path("endpoints"), into=NewEndpointOut, json={**fields}, idempotency_key=idempotency_key
        )

    def get(self, endpoint_id: str) -> EndpointOut:
        """Return an endpoint."""
        return self._wire.request("GET", path("endpoints", endpoint_id), into=EndpointOut)

    def update(self, endpoint_id: str, **changes: Unpack[EndpointPatch]) -> EndpointOut:
        """Change what is named; `None` means the default again."""
        return self._wire.request("PATCH", path("endpoints", endpoint_id), into=EndpointOut, json={**changes})

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; what waits for it is cancelled."""
        self._wire.request("DELETE", path("endpoints", endpoint_id), into=object)

    def enable(self, endpoint_id: str) -> EndpointOut:
        """Let its deliveries go, after a pause or after the platform disabled it."""
        return self._wire.request("POST", path("endpoints", endpoint_id, "enable"), into=EndpointOut)

    def pause(self, endpoint_id: str) -> EndpointOut:
        """Hold its deliveries back until `enable`."""
        return self._wire.request("POST", path("endpoints", endpoint_id, "pause"), into=EndpointOut)

    def secret(self, endpoint_id: str) -> EndpointSecretOut:
        """Return its secret or public key; the API key needs the scope `secrets:read`."""
        return self._wire.request("GET", path("endpoints", endpoint_id, "secret"), into=EndpointSecretOut)

    def rotate_secret(
        self,
        endpoint_id: str,
        *,
        overlap: int | None = None,
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> EndpointSecretOut:
        """Replace its secret; both sign for `overlap` seconds, a day unless told."""
        return self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "secret", "rotate"),
            into=EndpointSecretOut,
            json=given({"overlap": overlap, "secret": secret}),
            idempotency_key=idempotency_key,
        )

    def test(
        self, endpoint_id: str, *, event_type: str | None = None, idempotency_key: str | None = None
    ) -> DeliveryOut:
        """Send a sample event to this endpoint alone, at once."""
        return self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "test"),
            into=DeliveryOut,
            json=given({"event_type": event_type}),
            idempotency_key=idempotency_key,
        )

    def cancel(
        self, endpoint_id: str, *, before: str | None = None, event_types: Sequence[str] | None = None
    ) -> CancelledOut:
        """Cancel what waits for it: all of it, or what was made before a time, or of some types."""
        return self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "cancel"),
            into=CancelledOut,
            json=given({"before": before, "event_types": event_types}),
        )

    def recover(
        self,
        endpoint_id: str,
        *,
        since: str,
        until: str | None = None,
        event_types: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> TaskOut:
        """Reopen what it missed in that time, by a task that `client.tasks.wait` waits for."""
        return self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "recover"),
            into=TaskOut,
            json=given({"since": since, "until": until, "event_types": event_types}),
            headers={"Prefer": "respond-async"},
            idempotency_key=idempotency_key,
        )

    def preview_recover(self, endpoint_id: str, **window: Unpack[PreviewRecoverParametersQuery]) -> MissedOut:
        """Count what a recover of this window would reopen; changes nothing."""
        return self._wire.request("GET", path("endpoints", endpoint_id, "recover"), into=MissedOut, params={**window})

    def check(self, endpoint_id: str, *, idempotency_key: str | None = None) -> TaskOut:
        """Send it good and bad requests, to see what it makes of them, by a task that `client.tasks.wait` waits for."""
        return self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "check"),
            into=TaskOut,
            headers={"Prefer": "respond-async"},
            idempotency_key=idempotency_key,
        )

    def pull(
        self,
        endpoint_id: str,
        *,
        max: int = 10,  # noqa: A002 - the API's word
        wait: int = 0,
        idempotency_key: str | None = None,
    ) -> Sequence[PulledOut]:
        """Lease deliveries of an endpoint with `mode="pull"`, each as the signed request that a push would have been.

        `wait` is how many seconds to wait for the first, 60 at most. Each is to be acknowledged before its
        `leased_until`; what is not counts as an attempt `unknown`, and comes again.
        """
        answer = self._wire.send(
            "POST",
            path("endpoints", endpoint_id, "pull"),
            json={"max": max, "wait": wait},
            idempotency_key=idempotency_key,
            timeout=wait + self._wire.timeout,
        )
        return read(answer, PulledPage).data

    def ack(
        self, endpoint_id: str, acks: Sequence[Ack], *, idempotency_key: str | None = None
    ) -> Sequence[DeliveryOut]:
        """Say what became of pulled deliveries, 100 at most; return them as they stand then."""
        page = self._wire.request(
            "POST",
            path("endpoints", endpoint_id, "ack"),
            into=AckedPage,
            json={"acks": [*acks]},
            idempotency_key=idempotency_key,
        )
        return page.data

    def stats(self, endpoint_id: str) -> EndpointStatsOut:
        """Return its success rate, latencies and errors over an hour, a day and a week, and what waits."""
        return self._wire.request("GET", path("endpoints", endpoint_id, "stats"), into=EndpointStatsOut)

    def list(self, **filters: Unpack[ListEndpointsParametersQuery]) -> Pages[EndpointOut]:
        """List endpoints, newest first."""
        return Pages(self._wire, path("endpoints"), EndpointPage, {**filters})
