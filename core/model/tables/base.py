"""What every table shares."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Text, Uuid, func

metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def moment(name: str, *, nullable: bool = True) -> Column[datetime]:
    """Return a point in time."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def stamp(name: str) -> Column[datetime]:
    """Return a point in time that the database's own clock fills in."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def key(name: str = "id") -> Column[UUID]:
    """Return a UUIDv7 primary key."""
    return Column(name, Uuid, primary_key=True)


def tenant() -> Column[UUID]:
    """Return the owner of the row; row-level security reads it."""
    return Column("tenant_id", Uuid, nullable=False)


def text(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a text."""
    return Column(name, Text, nullable=nullable)


def one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    """Return the constraint that the column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)
