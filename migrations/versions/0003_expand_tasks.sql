-- A file that came with a task. Not compressed, so that a slice is read without the rest of it.

ALTER TABLE tasks ADD COLUMN content BYTEA;
ALTER TABLE tasks ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE tasks ADD CONSTRAINT tasks_content CHECK (octet_length(content) <= 10485760);

-- What a task has done already and must not do twice: one row for each side effect, with what it gave back.

CREATE TABLE task_markers (
    task_id UUID NOT NULL,
    name TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    run INTEGER NOT NULL,
    value BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT task_markers_pkey PRIMARY KEY (task_id, name),
    CONSTRAINT task_markers_name CHECK (char_length(name) BETWEEN 1 AND 200),
    CONSTRAINT task_markers_value CHECK (octet_length(value) <= 16384),
    CONSTRAINT task_markers_task_id_fkey FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON task_markers TO ringback_tenant, ringback_engine;
ALTER TABLE task_markers ENABLE ROW LEVEL SECURITY;
ALTER TABLE task_markers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON task_markers TO ringback_tenant
    USING (tenant_id = ringback_tenant_id()) WITH CHECK (tenant_id = ringback_tenant_id());
CREATE POLICY all_rows ON task_markers TO ringback_engine, ringback_owner USING (true) WITH CHECK (true);

CREATE INDEX tasks_expiring_idx ON tasks (expires_at) WHERE expires_at IS NOT NULL AND due_at IS NOT NULL;
