"""Which delivery of an ordered lane goes first."""


def first_of(lane: str, key: str) -> str:
    """Return the condition for the head of a lane and key among `deliveries d`: one step in `deliveries_order_idx`.

    No key is the empty one. The key is given as a range: for an equality Postgres would sort all that wait.
    """
    own = "coalesce(d.ordering_key, '')"
    return (
        f"d.lane = {lane} AND d.status IN ('pending', 'retrying') AND {own} >= {key} AND {own} <= {key}"
        f" ORDER BY {own}, d.sequence LIMIT 1"
    )
