"""Deliveries: what was sent, when, and why."""

from collections.abc import Callable, Generator
from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.streams import events, lines
from ringback._sync.wire import Wire
from ringback.answers import path
from ringback.generated.models import AttemptOut, AttemptPage, DeliveryDetailOut, DeliveryOut, DeliveryPage
from ringback.generated.params import (
    ExportDeliveriesParametersQuery,
    ListDeliveriesParametersQuery,
    ReadAttemptsParametersQuery,
)
from ringback.live import LiveAttempt


class Deliveries:
    """`client.deliveries`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get(self, delivery_id: str) -> DeliveryDetailOut:
        """Return a delivery, with every attempt made and still to come."""
        return self._wire.request("GET", path("deliveries", delivery_id), into=DeliveryDetailOut)

    def resend(self, delivery_id: str, *, idempotency_key: str | None = None) -> DeliveryOut:
        """Send it again, at once, whatever its state."""
        return self._wire.request(
            "POST", path("deliveries", delivery_id, "resend"), into=DeliveryOut, idempotency_key=idempotency_key
        )

    def cancel(self, delivery_id: str, *, idempotency_key: str | None = None) -> DeliveryOut:
        """Send it no more. Raises `ConflictError` if it has ended."""
        return self._wire.request(
            "POST", path("deliveries", delivery_id, "cancel"), into=DeliveryOut, idempotency_key=idempotency_key
        )

    def attempts(self, delivery_id: str, **filters: Unpack[ReadAttemptsParametersQuery]) -> Pages[AttemptOut]:
        """List the attempts of a delivery: request, answer or error, durations."""
        return Pages(self._wire, path("deliveries", delivery_id, "attempts"), AttemptPage, {**filters})

    def live(self, *, after: str | None = None, on_gap: Callable[[], object] | None = None) -> Generator[LiveAttempt]:
        """Yield attempts as they are recorded, without end; from now on, or from behind the `place` of one of them.

        A connection that is lost is opened again where it stopped, without gap or repeat. Where more came meanwhile
        than the API goes back for, `on_gap` is called, and it goes on from now. One whose outcome came late comes a
        second time.
        """
        for event in events(self._wire, path("stream"), after=after):
            if event.name == "attempt":
                yield LiveAttempt.model_validate_json(event.data).model_copy(update={"place": event.id})
            elif event.name == "reset" and on_gap is not None:
                on_gap()

    def export(self, **filters: Unpack[ExportDeliveriesParametersQuery]) -> Generator[DeliveryOut]:
        """Yield all deliveries that a list with the same filters names, newest first, by one request.

        Raises `ConnectionFailedError` where it breaks off.
        """
        for line in lines(self._wire, path("deliveries", "export"), {**filters, "format": "ndjson"}):
            yield DeliveryOut.model_validate_json(line)

    def export_csv(self, **filters: Unpack[ExportDeliveriesParametersQuery]) -> Generator[str]:
        """Yield the same as lines of CSV with their ends, the names of the columns first; `csv.reader` takes them."""
        for line in lines(self._wire, path("deliveries", "export"), {**filters, "format": "csv"}):
            yield line

    def list(self, **filters: Unpack[ListDeliveriesParametersQuery]) -> Pages[DeliveryOut]:
        """List deliveries, newest first."""
        return Pages(self._wire, path("deliveries"), DeliveryPage, {**filters})
