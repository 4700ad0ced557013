"""The tutorial's API: `python -m benchmarks.naive.api PORT`. One session a request, one task a delivery."""

import sys
from collections.abc import Generator
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import orm, select

from benchmarks.naive.models import Base, Delivery, Endpoint, Event, Session, engine
from benchmarks.naive.worker import deliver

app: Final = FastAPI()


class EndpointIn(BaseModel):
    """What registers an endpoint."""

    url: str
    event_type: str
    secret: str


class EventIn(BaseModel):
    """What is sent."""

    id: str
    type: str
    data: dict[str, str]


class EventOut(BaseModel):
    """What was made of it."""

    id: UUID
    deliveries: int


def open_session() -> Generator[orm.Session]:
    """Open a session for a request."""
    with Session() as session:
        yield session


SessionDep = Annotated[orm.Session, Depends(open_session)]


@app.post("/endpoints", status_code=HTTPStatus.CREATED)
def register(wish: EndpointIn, session: SessionDep) -> dict[str, UUID]:
    """Register an endpoint."""
    endpoint = Endpoint(**wish.model_dump())
    session.add(endpoint)
    session.commit()
    return {"id": endpoint.id}


@app.post("/events", status_code=HTTPStatus.ACCEPTED)
def accept(wish: EventIn, session: SessionDep) -> EventOut:
    """Record an event and its deliveries, then tell Celery of each."""
    event = Event(client_id=wish.id, type=wish.type, data=wish.data)
    session.add(event)
    session.flush()
    wanting = session.scalars(select(Endpoint).where(Endpoint.event_type == wish.type)).all()
    deliveries = [Delivery(event_id=event.id, endpoint_id=endpoint.id) for endpoint in wanting]
    session.add_all(deliveries)
    session.commit()
    for delivery in deliveries:
        deliver.delay(str(delivery.id))
    return EventOut(id=event.id, deliveries=len(deliveries))


if __name__ == "__main__":
    Base.metadata.create_all(engine)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", access_log=False, log_level="warning")
