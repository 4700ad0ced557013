"""Which delivery of an ordered lane goes first: the first that waits, unless an earlier one is on the wire.

One that was cancelled on the wire is waited for, too: it may still succeed.

`deliveries_turns_idx` holds what has not ended, what is on the wire too: else each claim, of lanes without an order
too, would write to it. What is on the wire is found by `leases_pkey`. No key is the empty one.

For the engine's role: a comparison of texts may tell what it compares (it is not `LEAKPROOF`), so that behind row-level
security it is made after the policy was asked, and each step would read all that waits.
"""


def first_of(lane: str, key: str) -> str:
    """Return the condition for the first that waits of a lane and key among `deliveries d`: one step in the index.

    The key is given as a range: for an equality Postgres would sort all that wait.
    """
    own = "coalesce(d.ordering_key, '')"
    return (
        f"d.lane = {lane} AND d.status IN ('pending', 'retrying') AND d.lease_until IS NULL"
        f" AND {own} >= {key} AND {own} <= {key} ORDER BY {own}, d.sequence LIMIT 1"
    )


def on_the_wire(lanes: str) -> str:
    """Return the query for `lane`, `key` and the least `sequence` of what is on the wire in lanes."""
    return f"""
        SELECT b.lane, coalesce(b.ordering_key, '') AS key, min(b.sequence) AS sequence
        FROM leases x JOIN deliveries b ON b.id = x.delivery_id
        WHERE b.lease_until IS NOT NULL AND b.succeeded_at IS NULL AND x.lane = ANY(ARRAY({lanes})) GROUP BY 1, 2"""
