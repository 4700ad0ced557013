-- The tables of both halves, as core/model/tables describes them; docs/storage.md says why they are so.

CREATE FUNCTION ringback_uuid7(at TIMESTAMPTZ DEFAULT clock_timestamp()) RETURNS UUID
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    -- RFC 9562, section 5.7: 48 bits of milliseconds, version 7, then the random bits of a version 4.
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(EPOCH FROM at) * 1000)::BIGINT) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::UUID
$$;

CREATE SEQUENCE delivery_order CACHE 1;

CREATE TABLE attempts (
    delivery_id UUID NOT NULL,
    number INTEGER NOT NULL,
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    trigger TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    note TEXT,
    request_url TEXT NOT NULL,
    request_headers JSONB NOT NULL,
    response_status SMALLINT,
    response_headers JSONB,
    response_body BYTEA,
    response_truncated BOOLEAN,
    address TEXT,
    dns_ms DOUBLE PRECISION,
    connect_ms DOUBLE PRECISION,
    tls_ms DOUBLE PRECISION,
    first_byte_ms DOUBLE PRECISION,
    total_ms DOUBLE PRECISION,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    transaction BIGINT NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT attempts_trigger CHECK (trigger IN ('first', 'retry', 'resend', 'replay', 'recover', 'test', 'reconnect')),
    CONSTRAINT attempts_outcome CHECK (outcome IN ('succeeded', 'failed', 'unknown')),
    CONSTRAINT attempts_error CHECK (error IN ('timeout', 'connect', 'tls', 'dns', 'blocked_address', 'too_large', 'protocol', 'http_status')),
    CONSTRAINT attempts_failed CHECK ((outcome = 'failed') = (error IS NOT NULL)),
    CONSTRAINT attempts_response CHECK ((response_status IS NULL) = (response_headers IS NULL)),
    CONSTRAINT attempts_response_body CHECK (octet_length(response_body) <= 16384),
    CONSTRAINT attempts_number CHECK (number > 0)
) PARTITION BY RANGE (delivery_id);

CREATE TABLE dedupe (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status SMALLINT,
    location TEXT,
    made JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT dedupe_pkey PRIMARY KEY (tenant_id, kind, key),
    CONSTRAINT dedupe_kind CHECK (kind IN ('request', 'event')),
    CONSTRAINT dedupe_fingerprint CHECK (octet_length(fingerprint) = 32),
    CONSTRAINT dedupe_key CHECK (char_length(key) BETWEEN 1 AND 2400)
) PARTITION BY HASH (tenant_id, kind, key);

CREATE TABLE deliveries (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    event_id UUID NOT NULL,
    event_type TEXT NOT NULL,
    endpoint_id UUID,
    task_id UUID,
    url TEXT,
    lane UUID NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    trigger TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    wait_reason TEXT,
    published_until TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    claim INTEGER DEFAULT '0' NOT NULL,
    attempt_count INTEGER DEFAULT '0' NOT NULL,
    step SMALLINT DEFAULT '0' NOT NULL,
    unknown_run SMALLINT DEFAULT '0' NOT NULL,
    succeeded_at TIMESTAMP WITH TIME ZONE,
    sequence BIGINT DEFAULT nextval('delivery_order') NOT NULL,
    ordering_key TEXT,
    last_response_code SMALLINT,
    last_error TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT deliveries_status CHECK (status IN ('pending', 'retrying', 'succeeded', 'exhausted', 'cancelled')),
    CONSTRAINT deliveries_reason CHECK (reason IN ('client', 'gone', 'aborted', 'endpoint_disabled', 'endpoint_deleted', 'payload_erased', 'expired')),
    CONSTRAINT deliveries_trigger CHECK (trigger IN ('first', 'retry', 'resend', 'replay', 'recover', 'test', 'reconnect')),
    CONSTRAINT deliveries_wait_reason CHECK (wait_reason IN ('schedule', 'retry_after')),
    CONSTRAINT deliveries_target CHECK ((endpoint_id IS NULL) = (url IS NOT NULL)),
    CONSTRAINT deliveries_owner CHECK ((endpoint_id IS NOT NULL) OR (task_id IS NOT NULL)),
    CONSTRAINT deliveries_cancelled CHECK ((status = 'cancelled') = (reason IS NOT NULL)),
    CONSTRAINT deliveries_ended CHECK ((status IN ('pending', 'retrying')) = (finished_at IS NULL)),
    CONSTRAINT deliveries_waiting CHECK (status NOT IN ('pending', 'retrying') OR due_at IS NOT NULL),
    CONSTRAINT deliveries_succeeded CHECK (status <> 'succeeded' OR succeeded_at IS NOT NULL),
    CONSTRAINT deliveries_counts CHECK (claim >= attempt_count AND attempt_count >= 0 AND step >= 0)
) PARTITION BY RANGE (id);

CREATE INDEX deliveries_due_idx ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_endpoint_id_id_idx ON deliveries (endpoint_id, id) WHERE endpoint_id IS NOT NULL;

CREATE INDEX deliveries_event_id_idx ON deliveries (event_id);

CREATE INDEX deliveries_leased_idx ON deliveries (lane, lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX deliveries_task_id_idx ON deliveries (task_id) WHERE task_id IS NOT NULL;

CREATE INDEX deliveries_tenant_id_id_idx ON deliveries (tenant_id, id);

CREATE TABLE events (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    client_id TEXT,
    type TEXT NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    body BYTEA,
    data_offset INTEGER NOT NULL,
    data_length INTEGER NOT NULL,
    ordering_key TEXT,
    attributes JSONB,
    task_id UUID,
    deliveries INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_erased CHECK ((body IS NULL) = (erased_at IS NOT NULL)),
    CONSTRAINT events_data CHECK (data_offset + data_length < octet_length(body)),
    CONSTRAINT events_type CHECK (char_length(type) <= 128)
) PARTITION BY RANGE (id);

CREATE INDEX events_task_id_idx ON events (task_id) WHERE task_id IS NOT NULL;

CREATE INDEX events_tenant_id_id_idx ON events (tenant_id, id);

CREATE TABLE task_types (
    name TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    description TEXT NOT NULL,
    queue TEXT NOT NULL,
    input_schema JSONB NOT NULL,
    output_schema JSONB NOT NULL,
    soft_time_limit INTEGER NOT NULL,
    hard_time_limit INTEGER NOT NULL,
    retry_policy JSONB NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT task_types_pkey PRIMARY KEY (name, fingerprint),
    CONSTRAINT task_types_time_limits CHECK (hard_time_limit > soft_time_limit AND soft_time_limit > 0)
);

CREATE TABLE tenants (
    id UUID NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    requests_per_second INTEGER,
    waiting_tasks INTEGER DEFAULT '100000' NOT NULL,
    running_tasks INTEGER,
    endpoints INTEGER DEFAULT '10000' NOT NULL,
    retention_days INTEGER DEFAULT '30' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_slug CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT tenants_limits CHECK (waiting_tasks >= 0 AND running_tasks > 0 AND requests_per_second > 0 AND endpoints >= 0 AND retention_days BETWEEN 1 AND 3650),
    CONSTRAINT tenants_slug_key UNIQUE (slug)
);

CREATE TABLE api_keys (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    role TEXT,
    scopes TEXT[] NOT NULL,
    owner TEXT,
    hash BYTEA NOT NULL,
    last_four TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_hash CHECK (octet_length(hash) = 32),
    CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash)
);

CREATE INDEX api_keys_tenant_id_id_idx ON api_keys (tenant_id, id);

CREATE TABLE endpoints (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT[] NOT NULL,
    sealed_headers BYTEA,
    signature TEXT NOT NULL,
    rate_limit INTEGER,
    max_in_flight INTEGER NOT NULL,
    ordering TEXT NOT NULL,
    retry_schedule INTEGER[],
    timeout SMALLINT,
    filter JSONB,
    filter_version INTEGER DEFAULT '1' NOT NULL,
    owner TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    status TEXT NOT NULL,
    disabled_reason TEXT,
    failing_since TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT endpoints_signature CHECK (signature IN ('hmac', 'ed25519')),
    CONSTRAINT endpoints_ordering CHECK (ordering IN ('none', 'fifo')),
    CONSTRAINT endpoints_status CHECK (status IN ('enabled', 'paused', 'disabled')),
    CONSTRAINT endpoints_disabled_reason CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
    CONSTRAINT endpoints_caps CHECK (rate_limit > 0 AND max_in_flight BETWEEN 1 AND 1000),
    CONSTRAINT endpoints_timeout CHECK (timeout BETWEEN 1 AND 30),
    CONSTRAINT endpoints_url CHECK (char_length(url) <= 2048),
    CONSTRAINT endpoints_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE INDEX endpoints_tenant_id_id_idx ON endpoints (tenant_id, id);

CREATE TABLE event_types (
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    schema JSONB,
    example JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT event_types_pkey PRIMARY KEY (tenant_id, name),
    CONSTRAINT event_types_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE secrets (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    endpoint_id UUID,
    kind TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_kind CHECK (kind IN ('hmac', 'ed25519')),
    CONSTRAINT secrets_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE INDEX secrets_tenant_id_endpoint_id_idx ON secrets (tenant_id, endpoint_id);

CREATE TABLE tasks (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    type TEXT NOT NULL,
    queue TEXT NOT NULL,
    status TEXT NOT NULL,
    input BYTEA,
    webhook_url TEXT,
    sealed_webhook_secret BYTEA,
    unique_key TEXT,
    retry_of UUID,
    metadata JSONB DEFAULT '{}' NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    published_until TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    leased_by TEXT,
    run INTEGER DEFAULT '0' NOT NULL,
    max_attempts INTEGER NOT NULL,
    lost_count INTEGER DEFAULT '0' NOT NULL,
    cancel_asked_at TIMESTAMP WITH TIME ZONE,
    progress JSONB,
    result BYTEA,
    result_size INTEGER,
    error_code TEXT,
    error_title TEXT,
    error_detail TEXT,
    traceparent TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tasks_pkey PRIMARY KEY (id),
    CONSTRAINT tasks_status CHECK (status IN ('PENDING', 'STARTED', 'PROGRESS', 'RETRY', 'SUCCESS', 'FAILURE', 'REVOKED')),
    CONSTRAINT tasks_waiting CHECK ((status IN ('PENDING', 'RETRY')) = (due_at IS NOT NULL)),
    CONSTRAINT tasks_running CHECK ((status IN ('STARTED', 'PROGRESS')) = (lease_until IS NOT NULL)),
    CONSTRAINT tasks_ended CHECK ((status IN ('SUCCESS', 'FAILURE', 'REVOKED')) = (finished_at IS NOT NULL)),
    CONSTRAINT tasks_error CHECK (status <> 'FAILURE' OR error_code IS NOT NULL),
    CONSTRAINT tasks_result CHECK (octet_length(result) <= 16384),
    CONSTRAINT tasks_run CHECK (run >= 0 AND lost_count >= 0 AND lost_count <= run),
    CONSTRAINT tasks_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE INDEX tasks_due_idx ON tasks (tenant_id, queue, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX tasks_leased_idx ON tasks (lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX tasks_tenant_id_id_idx ON tasks (tenant_id, id);

CREATE UNIQUE INDEX tasks_unique_key_idx ON tasks (tenant_id, type, unique_key) WHERE unique_key IS NOT NULL AND status NOT IN ('FAILURE', 'REVOKED');

CREATE TABLE dedupe_0 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE dedupe_1 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE dedupe_2 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE dedupe_3 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE dedupe_4 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE dedupe_5 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE dedupe_6 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE dedupe_7 PARTITION OF dedupe FOR VALUES WITH (MODULUS 8, REMAINDER 7);
