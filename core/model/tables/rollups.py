"""Counts of attempts, so that nobody has to scan the attempts to know how an endpoint is."""

from typing import Final

from sqlalchemy import ARRAY, CheckConstraint, Column, DateTime, Index, Integer, Table, Uuid

from core.model.latency import SLOTS
from core.model.outcome import ErrorClass
from core.model.tables.base import metadata, tenant

BUCKET: Final = 300
"""Seconds that one row counts, until upkeep adds it to that of its hour: a week of one endpoint is some 200 rows."""

FINE: Final = "date_bin('01:00:00'::interval, bucket, '2000-01-01 00:00:00+00'::timestamp with time zone) <> bucket"
"""What tells a row that begins within an hour; the one that begins it becomes the hour's."""


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


rollups: Final = Table(
    "rollups",
    metadata,
    Column("lane", Uuid, primary_key=True),  # an endpoint, or a tenant's task URLs on one host
    Column(
        "bucket", DateTime(timezone=True), primary_key=True
    ),  # its start; an attempt counts where it was first recorded
    tenant(),
    _count("succeeded"),
    _count("failed"),
    _count("unknown"),  # less those that were filled in late: below zero where the row was gone by then
    *(_count(error.value) for error in ErrorClass),  # of the failed ones
    Column("latencies", ARRAY(Integer), nullable=False),  # of those that ended, in the slots of core/model/latency.py
    Column("connected", Integer, nullable=False, server_default="0"),  # of all, those that opened a connection
    CheckConstraint(f"cardinality(latencies) = {SLOTS}", name="latencies"),
    Index("rollups_bucket_idx", "bucket"),
    Index("rollups_tenant_id_bucket_idx", "tenant_id", "bucket"),
    Index("rollups_fine_idx", "bucket", postgresql_where=FINE),
)
