/** When a request is sent again, and after how long. */

import { randomName } from "./crypto.js";
import { ConnectionFailedError } from "./errors.js";

/**
 * How often a request that nobody answered, or that was answered with "not now", is sent again.
 *
 * `limit` is how often after the first time, 0 for never. Pauses are in milliseconds: `base`, doubled each time up to
 * `cap`, a random part of up to a half taken off; and never shorter than the `Retry-After` of the answer. One that
 * asks for more than `longest` is not waited for: the error goes to the caller.
 */
export interface Retry {
  limit: number;
  base: number;
  cap: number;
  longest: number;
}

export const RETRY: Retry = { limit: 4, base: 500, cap: 8_000, longest: 60_000 };

/** "Not now". A POST may be sent again as well: its Idempotency-Key makes it one. */
const PASSING = new Set([429, 502, 503, 504]);
const TAKEN_AWAY = new Set(["endpoints", "event-types", "keys", "portal-links", "tenants"]);
const STREAMED = /^(text\/event-stream|application\/x-ndjson|text\/csv)\b/;
const WITHOUT_BODY = new Set([204, 205, 304]);

type Fetch = typeof globalThis.fetch;

/** How long to wait after that many retries, in milliseconds; `undefined` to give up. `draw` is 0 to 1. */
export function pauseAfter(
  retry: Retry,
  retries: number,
  asked: number | undefined,
  draw = Math.random(),
): number | undefined {
  if (retries >= retry.limit || (asked ?? 0) > retry.longest) return undefined;
  return Math.max(Math.min(retry.cap, retry.base * 2 ** retries) * (1 - draw / 2), asked ?? 0);
}

/**
 * Read `Retry-After` (RFC 9110, 10.2.3) in milliseconds; `undefined` without one that can be read.
 *
 * A date, which a proxy may send, counts from the answer's own `Date`.
 */
export function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const difference = Date.parse(text) - Date.parse(headers.get("date") ?? "");
  return Number.isNaN(difference) ? undefined : Math.max(0, difference);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A `fetch` that sends a request until it is answered, each time within `timeout` milliseconds. */
export function retrying(fetch: Fetch, retry: Retry, timeout: number): (request: Request) => Promise<Response> {
  return async (request) => {
    const headers = new Headers(request.headers);
    if (request.method === "POST" && !headers.has("Idempotency-Key")) {
      headers.set("Idempotency-Key", await randomName());
    }
    const body = request.body === null ? null : await request.arrayBuffer();
    const init = { method: request.method, headers, body };
    let lost = false;
    for (let tries = 1; ; tries++) {
      let wait: number | undefined;
      try {
        const answer = await within(timeout, request.signal, (signal) => whole(fetch, request.url, { ...init, signal }));
        // What was lost has deleted it.
        if (lost && answer.status === 404 && takesAway(request)) return new Response(null, { status: 204 });
        const passing = PASSING.has(answer.status);
        lost ||= passing && answer.status !== 429;
        wait = passing ? pauseAfter(retry, tries - 1, retryAfter(answer.headers)) : undefined;
        if (wait === undefined) return answer;
      } catch (error) {
        lost = true;
        wait = request.signal.aborted ? undefined : pauseAfter(retry, tries - 1, undefined);
        if (wait === undefined) throw new ConnectionFailedError(request.method, bare(request.url), tries, error);
      }
      await pause(wait);
    }
  };
}

/** Whether a request deletes something so that it is not found again; what erases a task or a payload leaves a record. */
function takesAway(request: Request): boolean {
  return request.method === "DELETE" && TAKEN_AWAY.has(new URL(request.url).pathname.split("/").at(-2) ?? "");
}

/** Read the answer with its body, so that a connection that is lost inside of it counts as lost; a stream goes on. */
async function whole(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init);
  if (STREAMED.test(answer.headers.get("content-type") ?? "")) return answer;
  const body = await answer.arrayBuffer();
  const { status, statusText, headers } = answer;
  return new Response(WITHOUT_BODY.has(status) ? null : body, { status, statusText, headers });
}

async function within<T>(
  timeout: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(outer.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeout} ms`)), timeout);
  outer.addEventListener("abort", stop);
  try {
    outer.throwIfAborted();
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", stop);
  }
}

function bare(url: string): string {
  return url.split("?", 1)[0] ?? url;
}
