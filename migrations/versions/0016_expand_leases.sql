-- What is on the wire has a table of its own: an index of deliveries over what a claim changes would cost each claim an
-- entry in all of them.

CREATE TABLE IF NOT EXISTS leases (  -- an earlier try may have got no further than the index that follows
    lane UUID NOT NULL,
    delivery_id UUID NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (lane, delivery_id)
) WITH (vacuum_truncate = off);

INSERT INTO leases (lane, delivery_id, until)
SELECT lane, id, lease_until FROM deliveries WHERE lease_until IS NOT NULL ON CONFLICT DO NOTHING;

GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO ringback_engine;

-- A claim and most records write a new version of a row soon after the first: room for it on the same page.
DO $$
DECLARE
    part REGCLASS;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'deliveries'::REGCLASS LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', part);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION ringback_make_partitions(ahead INTERVAL DEFAULT '7 days') RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    week TIMESTAMPTZ := date_trunc('week', now(), 'UTC');
    name TEXT;
    part TEXT;
    made INTEGER := 0;
BEGIN
    WHILE week <= now() + ahead LOOP
        FOREACH name IN ARRAY ARRAY['events', 'deliveries', 'attempts'] LOOP
            part := format('%s_p%s', name, to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD'));
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
                               part, name, ringback_floor(week), ringback_floor(week + INTERVAL '7 days'),
                               CASE name WHEN 'deliveries' THEN 50 ELSE 100 END);
                made := made + 1;
            END IF;
        END LOOP;
        week := week + INTERVAL '7 days';
    END LOOP;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION ringback_drop_partition(part TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    parent TEXT;
    unfinished BOOLEAN := false;
    leased TEXT := 'SELECT FROM leases x JOIN deliveries d ON d.id = x.delivery_id';
BEGIN
    SELECT inhparent::REGCLASS::TEXT INTO parent FROM pg_inherits WHERE inhrelid = to_regclass(part);
    IF parent IS NULL OR parent NOT IN ('events', 'deliveries', 'attempts') THEN
        RAISE EXCEPTION '% is not a partition by time', part;
    END IF;
    IF parent = 'deliveries' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %1$I WHERE due_at IS NOT NULL) OR EXISTS (%2$s'
                       ' WHERE d.tableoid = %1$L::REGCLASS AND d.lease_until IS NOT NULL)', part, leased)
            INTO unfinished;
    ELSIF parent = 'events' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM deliveries d JOIN %1$I e ON e.id = d.event_id'
                       ' WHERE d.due_at IS NOT NULL) OR EXISTS (%2$s JOIN %1$I e ON e.id = d.event_id'
                       ' WHERE d.lease_until IS NOT NULL)', part, leased) INTO unfinished;
    END IF;
    IF unfinished THEN
        RAISE EXCEPTION '% still has unfinished deliveries', part USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END
$$;
