-- Several partners in one tenant: a transaction of a key with an owner sees that owner's things only.
-- Restrictive policies, so that they take away from what `own_rows` gives and can never add to it. The first arm of
-- each is read once for a statement (an InitPlan), not once for a row: a key without an owner pays nothing for them.

CREATE FUNCTION ringback_key_owner() RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('ringback.owner', true), '')
$$;

CREATE FUNCTION ringback_owner_prefix() RETURNS TEXT
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    -- With what the idempotency keys of an owner begin; those of keys without an owner begin with a method.
    SELECT encode(sha256(convert_to(nullif(current_setting('ringback.owner', true), ''), 'UTF8')), 'hex') || ' '
$$;

ALTER TABLE api_keys ADD CONSTRAINT api_keys_owner CHECK (char_length(owner) BETWEEN 1 AND 255);
ALTER TABLE endpoints ADD CONSTRAINT endpoints_owner CHECK (char_length(owner) BETWEEN 1 AND 255);

CREATE POLICY own_owner ON endpoints AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL) OR owner = (SELECT ringback_key_owner()));
CREATE POLICY own_owner ON api_keys AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL) OR owner = (SELECT ringback_key_owner()));

-- The tenant's default secret has no endpoint, what a task's webhook_url gets neither: they are no owner's.
CREATE POLICY own_owner ON secrets AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR EXISTS (SELECT FROM endpoints e WHERE e.id = secrets.endpoint_id AND e.owner = ringback_key_owner()));
CREATE POLICY own_owner ON deliveries AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR EXISTS (SELECT FROM endpoints e WHERE e.id = deliveries.endpoint_id AND e.owner = ringback_key_owner()));

-- OFFSET 0 keeps the planner from hashing every delivery that the tenant has: each row asks by an index. The deliveries
-- that are found are those that the policy above shows.
CREATE POLICY own_owner ON attempts AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR EXISTS (SELECT FROM deliveries d WHERE d.id = attempts.delivery_id OFFSET 0));
CREATE POLICY own_owner ON events AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR EXISTS (SELECT FROM deliveries d WHERE d.event_id = events.id OFFSET 0));

CREATE POLICY own_owner ON dedupe AS RESTRICTIVE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL)
           OR (kind = 'request' AND starts_with(key, (SELECT ringback_owner_prefix()))));

-- Tasks are no owner's. The catalogue of event types is the tenant's word to all its partners: read, not written.
CREATE POLICY own_owner ON tasks AS RESTRICTIVE TO ringback_tenant USING ((SELECT ringback_key_owner() IS NULL));
CREATE POLICY own_owner ON task_markers AS RESTRICTIVE TO ringback_tenant USING ((SELECT ringback_key_owner() IS NULL));
CREATE POLICY no_owner_insert ON event_types AS RESTRICTIVE FOR INSERT TO ringback_tenant
    WITH CHECK ((SELECT ringback_key_owner() IS NULL));
CREATE POLICY no_owner_update ON event_types AS RESTRICTIVE FOR UPDATE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL));
CREATE POLICY no_owner_delete ON event_types AS RESTRICTIVE FOR DELETE TO ringback_tenant
    USING ((SELECT ringback_key_owner() IS NULL));

-- The limit on endpoints is the tenant's, whoever of its partners asks. Volatile: it has a snapshot of its own, taken
-- after the lock that the statement around it waits for.
CREATE FUNCTION ringback_count_endpoints() RETURNS INTEGER
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*)::INTEGER FROM endpoints WHERE tenant_id = ringback_tenant_id() AND deleted_at IS NULL
$$;
REVOKE EXECUTE ON FUNCTION ringback_count_endpoints() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ringback_count_endpoints() TO ringback_tenant;
