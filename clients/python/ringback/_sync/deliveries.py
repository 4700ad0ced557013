"""Deliveries: what was sent, when, and why."""

from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.wire import Wire
from ringback.answers import path
from ringback.generated.models import AttemptOut, AttemptPage, DeliveryDetailOut, DeliveryOut, DeliveryPage
from ringback.generated.params import ListDeliveriesParametersQuery, ReadAttemptsParametersQuery


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

    def list(self, **filters: Unpack[ListDeliveriesParametersQuery]) -> Pages[DeliveryOut]:
        """List deliveries, newest first."""
        return Pages(self._wire, path("deliveries"), DeliveryPage, {**filters})
