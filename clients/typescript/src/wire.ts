/** The API as openapi-fetch sees it: every path, parameter and answer is checked against docs/openapi.json. */

import createClient, { type Client } from "openapi-fetch";
import { errorOf, RingbackError, UnexpectedAnswerError } from "./errors.js";
import type { paths } from "./generated/schema.js";
import { RETRY, type Retry, retryAfter, retrying } from "./retries.js";

export interface Options {
  /** `RINGBACK_API_KEY` of the environment unless told. */
  apiKey?: string;
  /** `RINGBACK_URL` of the environment unless told; else what `ringback up` starts here. */
  baseUrl?: string;
  /** For the operator's key alone: whom it acts for. */
  tenant?: string;
  /** Milliseconds, for each try. */
  timeout?: number;
  retry?: Partial<Retry>;
  fetch?: typeof globalThis.fetch;
}

/** Of a single call. */
export interface CallOptions {
  /** The same key makes one call of several; each call has one of its own unless told. */
  idempotencyKey?: string;
}

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

export class Wire {
  readonly http: Client<paths>;
  readonly timeout: number;
  readonly #fetch: typeof globalThis.fetch;
  readonly #retry: Retry;

  constructor(options: Options) {
    const key = options.apiKey ?? environment("RINGBACK_API_KEY");
    if (!key) throw new RingbackError("there is no API key: give apiKey, or set RINGBACK_API_KEY");
    const given = options.baseUrl ?? environment("RINGBACK_URL") ?? "http://127.0.0.1:8000";
    this.timeout = options.timeout ?? 30_000;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#retry = { ...RETRY, ...options.retry };
    this.http = createClient<paths>({
      baseUrl: given.replace(/\/+$/, ""),
      fetch: this.fetchWithin(this.timeout),
      headers: { Authorization: `Bearer ${key}`, ...(options.tenant ? { "Ringback-Tenant": options.tenant } : {}) },
    });
  }

  fetchWithin(timeout: number): (request: Request) => Promise<Response> {
    return retrying(this.#fetch, this.#retry, timeout);
  }
}

/** Return what an answer holds, or throw what it says went wrong. */
export async function unwrap<T>(call: Promise<Outcome<T>>): Promise<T> {
  return (await answered(call)).data as T;
}

/** The same, with the answer itself. */
export async function answered<T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> {
  const outcome = await call.catch((error: unknown) => {
    throw error instanceof SyntaxError ? new UnexpectedAnswerError(200) : error; // openapi-fetch parsed no JSON
  });
  if (outcome.response.ok) return outcome;
  const asked = retryAfter(outcome.response.headers);
  throw errorOf(outcome.response.status, outcome.error, asked === undefined ? undefined : asked / 1000);
}

/** The headers of a call. */
export function headersOf(options: CallOptions, more: Record<string, string> = {}): Record<string, string> {
  return options.idempotencyKey === undefined ? more : { "Idempotency-Key": options.idempotencyKey, ...more };
}

/** Refuse a name that would lead elsewhere; openapi-fetch escapes the rest. */
export function named(part: string): string {
  if (["", ".", ".."].includes(part)) throw new RangeError(`${JSON.stringify(part)} names nothing`);
  return part;
}

function environment(name: string): string | undefined {
  return (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env[name] || undefined;
}
