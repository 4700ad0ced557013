"""Deliveries: what was sent, when, and why."""

from typing import Unpack

from ringback._async.pages import AsyncPages
from ringback._async.wire import AsyncWire
from ringback.answers import path
from ringback.generated.models import AttemptOut, AttemptPage, DeliveryDetailOut, DeliveryOut, DeliveryPage
from ringback.generated.params import ListDeliveriesParametersQuery, ReadAttemptsParametersQuery


class AsyncDeliveries:
    """`client.deliveries`."""

    def __init__(self, wire: AsyncWire) -> None:
        self._wire = wire

    async def get(self, delivery_id: str) -> DeliveryDetailOut:
        """Return a delivery, with every attempt made and still to come."""
        return await self._wire.request("GET", path("deliveries", delivery_id), into=DeliveryDetailOut)

    async def resend(self, delivery_id: str, *, idempotency_key: str | None = None) -> DeliveryOut:
        """Send it again, at once, whatever its state."""
        return await self._wire.request(
            "POST", path("deliveries", delivery_id, "resend"), into=DeliveryOut, idempotency_key=idempotency_key
        )

    async def cancel(self, delivery_id: str, *, idempotency_key: str | None = None) -> DeliveryOut:
        """Send it no more. Raises `ConflictError` if it has ended."""
        return await self._wire.request(
            "POST", path("deliveries", delivery_id, "cancel"), into=DeliveryOut, idempotency_key=idempotency_key
        )

    def attempts(self, delivery_id: str, **filters: Unpack[ReadAttemptsParametersQuery]) -> AsyncPages[AttemptOut]:
        """List the attempts of a delivery: request, answer or error, durations."""
        return AsyncPages(self._wire, path("deliveries", delivery_id, "attempts"), AttemptPage, {**filters})

    def list(self, **filters: Unpack[ListDeliveriesParametersQuery]) -> AsyncPages[DeliveryOut]:
        """List deliveries, newest first."""
        return AsyncPages(self._wire, path("deliveries"), DeliveryPage, {**filters})
