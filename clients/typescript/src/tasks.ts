/** Tasks, and the types that they are of. */

import { ResultPendingError, TaskFailedError, WaitTimeoutError } from "./errors.js";
import type { Delivery, Filters, Task, TaskType } from "./models.js";
import { Pages } from "./pages.js";
import { pause, retryAfter } from "./retries.js";
import { events, type StreamOptions } from "./streams.js";
import { answered, type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

/** Seconds for which one request waits: half of what the API allows, as some proxies cut a silent connection at 60. */
const HOLD = 30;
const ASYNC = { Prefer: "respond-async" };

export interface TaskOptions extends CallOptions {
  webhook_url?: string;
  webhook_secret?: string;
  /** Seconds to wait before it may run. */
  delay?: number;
  /** Seconds that it may wait; then it ends as `REVOKED`. */
  expires_in?: number;
  /** While a task with this key waits, runs or has succeeded, that one comes back. */
  unique_key?: string;
  metadata?: Record<string, string>;
}

export interface WaitOptions {
  /** Milliseconds; as long as it takes unless told. */
  timeout?: number;
}

/** `ringback.tasks`. */
export class Tasks {
  constructor(private readonly wire: Wire) {}

  /** Submit a task and return it as it stands: recorded, and mostly not begun. */
  submit(type: string, input: Record<string, unknown> = {}, options: TaskOptions = {}): Promise<Task> {
    const { idempotencyKey, ...fields } = options;
    const body = { type, input, ...fields } as { type: string; input: Record<string, unknown>; delay: number };
    return unwrap(this.wire.http.POST("/v1/tasks", { body, headers: headersOf(options, ASYNC) }));
  }

  /** Submit a task of a type that takes a file (10 MiB at most). */
  submitFile(type: string, file: Blob, options: TaskOptions & { input?: Record<string, unknown> } = {}): Promise<Task> {
    const { idempotencyKey, ...fields } = options;
    const form = new FormData();
    form.set("type", type);
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) form.set(name, JSON.stringify(value)); // as JSON leaves it out
    }
    form.set("file", file);
    const body = form as unknown as { type: string; file: string; delay: number };
    return unwrap(this.wire.http.POST("/v1/tasks", { body, headers: headersOf(options, ASYNC) }));
  }

  /**
   * Submit a task, wait for its end and return its result.
   *
   * Throws a `TaskFailedError` if it does not succeed, a `WaitTimeoutError` if it goes on.
   */
  async run<Result = unknown>(
    type: string,
    input: Record<string, unknown> = {},
    options: TaskOptions & WaitOptions = {},
  ): Promise<Result> {
    const { timeout, ...rest } = options;
    const submitted = await this.submit(type, input, rest);
    const task = await this.wait(submitted.task_id, timeout === undefined ? {} : { timeout });
    if (task.status !== "SUCCESS") throw new TaskFailedError(task);
    return (task.result ?? (await this.result(task.task_id))) as Result;
  }

  /** Return a task as it stands. */
  get(taskId: string): Promise<Task> {
    return unwrap(this.wire.http.GET("/v1/tasks/{task}", this.#of(taskId)));
  }

  /**
   * Return a task once it has ended, well or badly. Throws a `WaitTimeoutError`.
   *
   * The API holds each request until the task ends, 30 s at most.
   */
  async wait(taskId: string, { timeout = Infinity }: WaitOptions = {}): Promise<Task> {
    const end = performance.now() + timeout;
    for (;;) {
      const left = Math.max(0, end - performance.now());
      const hold = Math.ceil(Math.min(HOLD, left / 1000));
      const fetch = this.wire.fetchWithin(hold * 1000 + this.wire.timeout);
      const call = this.wire.http.GET("/v1/tasks/{task}", {
        ...this.#of(taskId),
        headers: { Prefer: `wait=${hold}` },
        fetch,
      });
      const { data, response } = await answered<Task>(call);
      if (response.status === 200) return data as Task;
      const asked = retryAfter(response.headers) ?? 0;
      if (end - performance.now() <= asked) throw new WaitTimeoutError(data as Task);
      await pause(asked);
    }
  }

  /**
   * Go over a task as it stands, and again whenever its state or its progress changes, until its end.
   *
   * A connection that is lost is opened again, and what is known is not told twice. Throws a `ConnectionFailedError`
   * once there have been enough tries.
   */
  async *follow(taskId: string, options: StreamOptions = {}): AsyncGenerator<Task, void, undefined> {
    const open = (headers: Record<string, string>) =>
      unwrap(this.wire.http.GET("/v1/tasks/{task}/stream", { ...this.#of(taskId), headers, parseAs: "stream" }));
    for await (const event of events(open, options)) {
      const task = JSON.parse(event.data) as Task;
      yield task;
      if (task.finished_at !== null) return;
    }
  }

  /**
   * Return the bare result of a task.
   *
   * Throws a `ResultPendingError` if it has not ended, a `ServerError` with code `task-failed` if it failed, and a
   * `GoneError` if it was revoked or its result is not kept any more.
   */
  async result<Result = unknown>(taskId: string): Promise<Result> {
    const { data, response } = await answered<unknown>(
      this.wire.http.GET("/v1/tasks/{task}/result", this.#of(taskId)),
    );
    if (response.status === 202) throw new ResultPendingError(taskId);
    return data as Result;
  }

  /** List tasks, newest first; `metadata` names what they have to carry. */
  list(filters: Filters<"/v1/tasks"> & { metadata?: Record<string, string> } = {}): Pages<Task> {
    const { metadata = {}, ...query } = filters;
    const marks = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value]));
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/tasks", { params: { query: { ...query, ...marks, ...more } } })),
    );
  }

  /** Cancel a task that waits or runs. Throws a `ConflictError` if it has ended. */
  cancel(taskId: string, options: CallOptions = {}): Promise<Task> {
    return unwrap(
      this.wire.http.POST("/v1/tasks/{task}/cancel", { ...this.#of(taskId), headers: headersOf(options) }),
    );
  }

  /** Run an ended task again, as a new one. Throws a `ConflictError` if it has not ended. */
  retry(taskId: string, options: CallOptions = {}): Promise<Task> {
    return unwrap(
      this.wire.http.POST("/v1/tasks/{task}/retry", { ...this.#of(taskId), headers: headersOf(options, ASYNC) }),
    );
  }

  /** End a task if it has not, and erase what it holds. */
  async delete(taskId: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/tasks/{task}", this.#of(taskId)));
  }

  /** List what was sent about a task. */
  deliveries(taskId: string, query: Filters<"/v1/tasks/{task}/deliveries"> = {}): Pages<Delivery> {
    const path = { task: named(taskId) };
    return new Pages((more) =>
      unwrap(
        this.wire.http.GET("/v1/tasks/{task}/deliveries", { params: { path, query: { ...query, ...more } } }),
      ),
    );
  }

  #of(taskId: string): { params: { path: { task: string } } } {
    return { params: { path: { task: named(taskId) } } };
  }
}

/** `ringback.taskTypes`. */
export class TaskTypes {
  constructor(private readonly wire: Wire) {}

  /** Return a task type, with the JSON Schemas of its input and output. */
  get(name: string): Promise<TaskType> {
    return unwrap(this.wire.http.GET("/v1/task-types/{name}", { params: { path: { name: named(name) } } }));
  }

  /** List what workers offer. */
  list(): Pages<TaskType> {
    return new Pages(() => unwrap(this.wire.http.GET("/v1/task-types")));
  }
}
