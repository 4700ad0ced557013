-- What ended in the last minute is counted for /metrics without a look at what ended before.

CREATE INDEX tasks_finished_idx ON tasks (finished_at) WHERE finished_at IS NOT NULL;
