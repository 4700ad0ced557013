"""What the routes of pulled deliveries ask for."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from api.arrivals import Arrivals
from api.holdings import Holdings
from core.lease.acknowledge import Acknowledgements
from core.lease.claim import Puller
from core.lease.pull import ROOM, Pulled, Pulls
from core.model import ids
from core.once import Once


class RoomyPulls(Pulls):
    """Hands out deliveries where there is room for the answer: what is leased cannot be refused any more."""

    holdings: Holdings

    async def pull(self, who: Puller, *, limit: int, once: Once) -> Sequence[Pulled]:
        """Do as `Pulls`; raise `UnavailableError` if too much waits for those who pull."""
        self.holdings.check_answers(ids.encode(ids.TENANT, who.tenant_id), ROOM)
        return await super().pull(who, limit=limit, once=once)


async def get_pulls(request: Request) -> Pulls:
    """Return what hands out deliveries."""
    pulls: object = request.app.state.pulls
    assert isinstance(pulls, Pulls)
    return pulls


async def get_acknowledgements(request: Request) -> Acknowledgements:
    """Return what records the outcomes of what was handed out."""
    acknowledgements: object = request.app.state.acknowledgements
    assert isinstance(acknowledgements, Acknowledgements)
    return acknowledgements


async def get_arrivals(request: Request) -> Arrivals:
    """Return what waits for deliveries."""
    arrivals: object = request.app.state.arrivals
    assert isinstance(arrivals, Arrivals)
    return arrivals


AcknowledgementsDep = Annotated[Acknowledgements, Depends(get_acknowledgements)]
ArrivalsDep = Annotated[Arrivals, Depends(get_arrivals)]
PullsDep = Annotated[Pulls, Depends(get_pulls)]
