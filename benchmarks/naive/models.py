"""The tables of the yardstick, as an ORM tutorial writes them; what is recorded is what Ringback records, in short."""

import os
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import JSON, ForeignKey, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker

engine: Final = create_engine(os.environ["NAIVE_DATABASE"], pool_size=10, max_overflow=30)
Session: Final = sessionmaker(engine)


class Base(DeclarativeBase):
    """What all tables share."""


class Endpoint(Base):
    """Where events of a type go."""

    __tablename__ = "endpoints"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    url: Mapped[str]
    event_type: Mapped[str] = mapped_column(index=True)
    secret: Mapped[str]


class Event(Base):
    """A fact that was sent."""

    __tablename__ = "events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    client_id: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]
    data: Mapped[dict[str, str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Delivery(Base):
    """The duty to bring one event to one endpoint."""

    __tablename__ = "deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), index=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("endpoints.id"), index=True)
    status: Mapped[str] = mapped_column(default="pending", index=True)
    event: Mapped[Event] = relationship()
    endpoint: Mapped[Endpoint] = relationship()


class Attempt(Base):
    """One request that was made."""

    __tablename__ = "attempts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("deliveries.id"), index=True)
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    body: Mapped[str | None]
    duration_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
