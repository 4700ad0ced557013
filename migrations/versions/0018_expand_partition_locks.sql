-- Others wait 300 ms for what a partition is made or dropped under, and whatever queues behind it waits as long.
ALTER FUNCTION ringback_make_partitions(INTERVAL) SET lock_timeout = '200ms';

-- Deliveries of a week's events are found by the events' IDs, not among all that waits.
CREATE OR REPLACE FUNCTION ringback_drop_partition(part TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    parent TEXT;
    week TIMESTAMPTZ;
    unfinished BOOLEAN := false;
BEGIN
    SELECT inhparent::REGCLASS::TEXT INTO parent FROM pg_inherits WHERE inhrelid = to_regclass(part);
    IF parent IS NULL OR parent NOT IN ('events', 'deliveries', 'attempts') THEN
        RAISE EXCEPTION '% is not a partition by time', part;
    END IF;
    week := to_date(right(part, 8), 'YYYYMMDD')::TIMESTAMP AT TIME ZONE 'UTC';
    IF parent = 'deliveries' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %1$I WHERE due_at IS NOT NULL) OR EXISTS ('
                       'SELECT FROM leases x JOIN deliveries d ON d.id = x.delivery_id'
                       ' WHERE d.tableoid = %1$L::REGCLASS AND d.lease_until IS NOT NULL)', part)
            INTO unfinished;
    ELSIF parent = 'events' THEN
        SELECT EXISTS (
            SELECT FROM deliveries d
            WHERE d.event_id >= ringback_floor(week) AND d.event_id < ringback_floor(week + INTERVAL '7 days')
                AND coalesce(d.due_at, d.lease_until) IS NOT NULL
        ) INTO unfinished;
    END IF;
    IF unfinished THEN
        RAISE EXCEPTION '% still has unfinished deliveries', part USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END
$$;
