-- Who may do what: three roles, forced row-level security, and the functions that keep the partitions.
-- ringback_owner owns everything and works in migrations and upkeep's functions only;
-- ringback_tenant is the API on behalf of one tenant; ringback_engine is a short list of fixed statements.

GRANT USAGE ON SCHEMA public TO ringback_tenant, ringback_engine;
GRANT SELECT ON task_types TO ringback_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON task_types TO ringback_engine;
GRANT USAGE ON SEQUENCE delivery_order TO ringback_tenant, ringback_engine;

CREATE FUNCTION ringback_tenant_id() RETURNS UUID
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('ringback.tenant', true), '')::UUID
$$;

DO $$
DECLARE
    name TEXT;
    own TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'api_keys', 'secrets', 'dedupe', 'event_types', 'endpoints',
                                'tasks', 'events', 'deliveries', 'attempts'] LOOP
        own := CASE name WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END;
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ringback_tenant, ringback_engine', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_rows ON %I TO ringback_tenant'
                       ' USING (%I = ringback_tenant_id()) WITH CHECK (%I = ringback_tenant_id())', name, own, own);
        -- Forced row-level security binds the owner too: without this policy a drop function would find every
        -- partition empty.
        EXECUTE format('CREATE POLICY all_rows ON %I TO ringback_engine, ringback_owner'
                       ' USING (true) WITH CHECK (true)', name);
    END LOOP;
    -- A tenant's limits and name are the operator's to change, its keys' hashes are nobody's to read.
    REVOKE INSERT, UPDATE, DELETE ON tenants FROM ringback_tenant;
END
$$;

CREATE FUNCTION ringback_floor(at TIMESTAMPTZ) RETURNS UUID
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The least UUIDv7 of that time, less its version bits: a bound, not an ID. Before 1970 there are none.
    SELECT (lpad(to_hex(greatest(floor(extract(EPOCH FROM at) * 1000), 0)::BIGINT), 12, '0') || repeat('0', 20))::UUID
$$;

CREATE FUNCTION ringback_make_partitions(ahead INTERVAL DEFAULT '7 days') RETURNS INTEGER
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
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               part, name, ringback_floor(week), ringback_floor(week + INTERVAL '7 days'));
                made := made + 1;
            END IF;
        END LOOP;
        week := week + INTERVAL '7 days';
    END LOOP;
    RETURN made;
END
$$;

CREATE FUNCTION ringback_drop_partition(part TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    parent TEXT;
    unfinished BOOLEAN := false;
BEGIN
    SELECT inhparent::REGCLASS::TEXT INTO parent FROM pg_inherits WHERE inhrelid = to_regclass(part);
    IF parent IS NULL OR parent NOT IN ('events', 'deliveries', 'attempts') THEN
        RAISE EXCEPTION '% is not a partition by time', part;
    END IF;
    IF parent = 'deliveries' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE due_at IS NOT NULL OR lease_until IS NOT NULL)', part)
            INTO unfinished;
    ELSIF parent = 'events' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM deliveries d JOIN %I e ON e.id = d.event_id'
                       ' WHERE d.due_at IS NOT NULL OR d.lease_until IS NOT NULL)', part) INTO unfinished;
    END IF;
    IF unfinished THEN
        RAISE EXCEPTION '% still has unfinished deliveries', part USING ERRCODE = 'object_in_use';
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END
$$;

REVOKE EXECUTE ON FUNCTION ringback_make_partitions(INTERVAL), ringback_drop_partition(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ringback_make_partitions(INTERVAL), ringback_drop_partition(TEXT) TO ringback_engine;

SELECT ringback_make_partitions();
