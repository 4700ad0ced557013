-- Who looks at the dashboard: a session stands for an API key, for a portal link, or for the operator's key.
-- No foreign keys between these: erasing a tenant takes its rows in batches, in any order.

CREATE TABLE portal_links (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    owner TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL,
    key_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT portal_links_pkey PRIMARY KEY (id),
    CONSTRAINT portal_links_hash_key UNIQUE (hash),
    CONSTRAINT portal_links_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT portal_links_owner CHECK (char_length(owner) BETWEEN 1 AND 255),
    CONSTRAINT portal_links_role CHECK (role IN ('partner', 'inspector')),
    CONSTRAINT portal_links_hash CHECK (octet_length(hash) = 32)
);

CREATE INDEX portal_links_tenant_id_id_idx ON portal_links (tenant_id, id);
CREATE INDEX portal_links_expires_at_idx ON portal_links (expires_at);

CREATE TABLE sessions (
    id UUID NOT NULL,
    tenant_id UUID,
    hash BYTEA NOT NULL,
    key_id UUID,
    link_id UUID,
    operator_hash BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_hash_key UNIQUE (hash),
    CONSTRAINT sessions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT sessions_hash CHECK (octet_length(hash) = 32),
    CONSTRAINT sessions_credential CHECK (num_nonnulls(key_id, link_id, operator_hash) = 1),
    CONSTRAINT sessions_operator CHECK ((operator_hash IS NULL) = (tenant_id IS NOT NULL))
);

CREATE INDEX sessions_tenant_id_idx ON sessions (tenant_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON portal_links TO ringback_tenant, ringback_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO ringback_engine;
GRANT SELECT ON sessions TO ringback_tenant;

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['portal_links', 'sessions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own_rows ON %I TO ringback_tenant'
                       ' USING (tenant_id = ringback_tenant_id()) WITH CHECK (tenant_id = ringback_tenant_id())', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO ringback_engine, ringback_owner'
                       ' USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;

CREATE POLICY own_owner ON portal_links AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL) OR owner = (SELECT ringback_key_owner()));
CREATE POLICY own_owner ON sessions AS RESTRICTIVE TO ringback_tenant USING ((SELECT ringback_key_owner() IS NULL));
