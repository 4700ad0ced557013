-- What attempts came to, five minutes a row, later an hour: how an endpoint is, is read here and not from the attempts.
-- Rows are written again and again: room on each page keeps those updates heap-only.

CREATE TABLE rollups (
    lane UUID NOT NULL,
    bucket TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID NOT NULL,
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    connect INTEGER NOT NULL,
    tls INTEGER NOT NULL,
    dns INTEGER NOT NULL,
    blocked_address INTEGER NOT NULL,
    too_large INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    http_status INTEGER NOT NULL,
    latencies INTEGER[] NOT NULL,
    CONSTRAINT rollups_pkey PRIMARY KEY (lane, bucket),
    CONSTRAINT rollups_latencies CHECK (cardinality(latencies) = 32)
) WITH (fillfactor = 70);

CREATE INDEX rollups_bucket_idx ON rollups (bucket);
-- What is to be added to the row of its hour.
CREATE INDEX rollups_fine_idx ON rollups (bucket)
    WHERE date_bin('01:00:00'::interval, bucket, '2000-01-01 00:00:00+00'::timestamp with time zone) <> bucket;

GRANT SELECT ON rollups TO ringback_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON rollups TO ringback_engine;
ALTER TABLE rollups ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollups FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON rollups TO ringback_tenant
    USING (tenant_id = ringback_tenant_id()) WITH CHECK (tenant_id = ringback_tenant_id());
CREATE POLICY all_rows ON rollups TO ringback_engine, ringback_owner USING (true) WITH CHECK (true);
CREATE POLICY own_owner ON rollups AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR EXISTS (SELECT FROM endpoints e WHERE e.id = rollups.lane AND e.owner = ringback_key_owner()));

-- Who is to be judged: endpoints that fail, and those that were disabled.

ALTER TABLE endpoints ADD COLUMN failing_told_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX endpoints_failing_idx ON endpoints (failing_since) WHERE failing_since IS NOT NULL;
CREATE INDEX endpoints_disabled_idx ON endpoints (id) WHERE status = 'disabled';

-- How far the retention has come with each tenant.

ALTER TABLE tenants ADD COLUMN emptied_to UUID;

-- What queues behind a drop waits as long as the drop does: let it try again instead.

ALTER FUNCTION ringback_drop_partition(TEXT) SET lock_timeout = '200ms';
