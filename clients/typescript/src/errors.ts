/** What this package throws. */

import type { FieldError, Problem, Task } from "./models.js";

/** Everything that this package throws on purpose. */
export class RingbackError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nobody answered, however often it was tried; a POST may have been carried out all the same. */
export class ConnectionFailedError extends RingbackError {
  constructor(
    method: string,
    url: string,
    readonly tries: number,
    cause: unknown,
  ) {
    super(`${method} ${url} was sent ${tries} times and got no answer`, { cause });
  }
}

/** What answered is not the API: a proxy's page, another service. */
export class UnexpectedAnswerError extends RingbackError {
  constructor(readonly status: number) {
    super(`an answer ${status} is none of Ringback's: is the URL right?`);
  }
}

/** The API answered with a problem (RFC 9457); `requestId` finds the request in its logs. */
export class ProblemError extends RingbackError {
  readonly status: number;
  /** The last part of the problem's `type`, for programs to go by. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  /** The bad values, of a 422: a JSON Pointer (RFC 6901) or a parameter's name, and what is wrong there. */
  readonly errors: readonly FieldError[];
  readonly requestId: string;

  constructor(
    readonly problem: Problem,
    /** In seconds. */
    readonly retryAfter: number | undefined,
  ) {
    const code = problem.type.slice(problem.type.lastIndexOf("/") + 1);
    const fields = (problem.errors ?? []).map((one) => `; ${one.pointer}: ${one.detail}`).join("");
    super(`${problem.status} ${code}: ${problem.detail}${fields}`);
    this.status = problem.status;
    this.code = code;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id;
  }
}

/** 400. */
export class BadRequestError extends ProblemError {}
/** 401: the key is missing, wrong, revoked or expired. */
export class AuthenticationError extends ProblemError {}
/** 403: the key lacks the scope that `detail` names. */
export class PermissionDeniedError extends ProblemError {}
/** 404: it is not there, or not this tenant's. */
export class NotFoundError extends ProblemError {}
/** 409: its state forbids it. */
export class ConflictError extends ProblemError {}
/** 410: it is not kept any more. */
export class GoneError extends ProblemError {}
/** 422: some values are not allowed; `errors` names them. */
export class InvalidInputError extends ProblemError {}
/** 429: a limit of the tenant is reached. */
export class RateLimitedError extends ProblemError {}
/** 5xx. */
export class ServerError extends ProblemError {}
/** 503: a store is away, or there is too much to do. */
export class UnavailableError extends ServerError {}

/** A task ended as `FAILURE` or `REVOKED`; `task` is the whole of it. */
export class TaskFailedError extends RingbackError {
  readonly code: string;
  readonly title: string;
  readonly detail: string;

  constructor(readonly task: Task) {
    const code = task.error?.code ?? task.status.toLowerCase();
    super(`${task.task_id} ended as ${task.status}: ${code}: ${task.error?.detail ?? ""}`);
    this.code = code;
    this.title = task.error?.title ?? task.status;
    this.detail = task.error?.detail ?? "";
  }
}

/** A task has no result yet: it waits or runs. */
export class ResultPendingError extends RingbackError {
  constructor(taskId: string) {
    super(`${taskId} has not ended`);
  }
}

/** A task had not ended in time; it goes on, and `task` is what was last seen of it. */
export class WaitTimeoutError extends RingbackError {
  constructor(readonly task: Task) {
    super(`${task.task_id} is still ${task.status}`);
  }
}

/** A request that does not verify: answer 400 or 401, and do nothing else. */
export class WebhookVerificationError extends RingbackError {}

const BY_STATUS: Record<number, typeof ProblemError> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  410: GoneError,
  422: InvalidInputError,
  429: RateLimitedError,
  503: UnavailableError,
};

/** The error for an answer, by what is in it. */
export function errorOf(status: number, document: unknown, retryAfter: number | undefined): RingbackError {
  if (!isProblem(document)) return new UnexpectedAnswerError(status);
  const kind = BY_STATUS[document.status] ?? (document.status >= 500 ? ServerError : ProblemError);
  return new kind(document, retryAfter);
}

function isProblem(document: unknown): document is Problem {
  if (typeof document !== "object" || document === null) return false;
  const found = document as Record<string, unknown>;
  return typeof found["type"] === "string" && typeof found["status"] === "number";
}
