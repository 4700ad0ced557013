"""What the routes of pulled deliveries ask for."""

from typing import Annotated

from fastapi import Depends, Request

from api.arrivals import Arrivals
from core.lease.acknowledge import Acknowledgements
from core.lease.pull import Pulls


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
