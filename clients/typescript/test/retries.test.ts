/** What the client does when it gets no answer, or a bad one; the server here says what it is told to. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import {
  ConnectionFailedError,
  NotFoundError,
  pauseAfter,
  RateLimitedError,
  RETRY,
  retryAfter,
  Ringback,
  RingbackError,
  UnavailableError,
  UnexpectedAnswerError,
} from "ringback-client";

type Answer = (response: ServerResponse) => void;

const QUICK = { limit: 2, base: 10 };
const accepted: Answer = (response) => response.writeHead(202, { "content-type": "application/json" }).end('{"id":"evt_1"}');
const reset: Answer = (response) => response.socket?.destroy();
const cut: Answer = (response) => {
  response.writeHead(202, { "content-type": "application/json", "content-length": 100 }).write("{");
  setImmediate(() => response.socket?.destroy());
};
const page: Answer = (response) => response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");

function refusal(status: number, code: string, wait = "0"): Answer {
  const problem = { type: `/problems/${code}`, title: "No", status, detail: "Not now.", instance: "", request_id: "1" };
  const headers = { "content-type": "application/problem+json", "retry-after": wait };
  return (response) => response.writeHead(status, headers).end(JSON.stringify(problem));
}

interface Received {
  url: string | undefined;
  key: string | string[] | undefined;
  after: string | string[] | undefined;
  body: string;
}

/** Serve these answers in their order, the last one again and again; return where, and what came. */
async function serve(context: TestContext, ...answers: Answer[]): Promise<{ baseUrl: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { "idempotency-key": key, "last-event-id": after } = request.headers;
    received.push({ url: request.url, key, after, body });
    (answers.length > 1 ? answers.shift() : answers[0])?.(response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  context.after(() => server.close());
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

function client(baseUrl: string): Ringback {
  return new Ringback({ apiKey: "rb_secret", baseUrl, retry: QUICK });
}

const FIRST = { 429: refusal(429, "limit-reached"), 503: refusal(503, "unavailable"), 502: page, reset, cut };
for (const [name, first] of Object.entries(FIRST)) {
  test(`a POST is sent again with the same key after ${name}`, async (context) => {
    const { baseUrl, received } = await serve(context, first, accepted);

    const event = await client(baseUrl).events.send("a.b", 1);

    assert.equal(event.id, "evt_1");
    assert.equal(received.length, 2);
    assert.match(String(received[0]?.key), /^[0-9a-f]{32}$/);
    assert.deepEqual(received[0], received[1]);
  });
}

for (const name of ["503", "502", "reset"] as const) {
  test(`what a lost answer told of is deleted, after ${name}`, async (context) => {
    const { baseUrl, received } = await serve(context, FIRST[name], refusal(404, "not-found"));

    await client(baseUrl).endpoints.delete("ep_1");

    assert.equal(received.length, 2);
  });
}

test("what was never there is told", async (context) => {
  const { baseUrl, received } = await serve(context, FIRST[429], refusal(404, "not-found"));

  await assert.rejects(client(baseUrl).endpoints.delete("ep_1"), NotFoundError);

  assert.equal(received.length, 2);
});

const ERASED: Record<string, (client: Ringback) => Promise<unknown>> = {
  "a payload": (one) => one.events.erasePayload("evt_1"),
  "a task": (one) => one.tasks.delete("task_1"),
};
for (const [name, erase] of Object.entries(ERASED)) {
  test(`${name} that could not be erased is told`, async (context) => {
    const { baseUrl } = await serve(context, FIRST[503], refusal(404, "not-found"));

    await assert.rejects(erase(client(baseUrl)), NotFoundError);
  });
}

test("two calls have two keys", async (context) => {
  const { baseUrl, received } = await serve(context, accepted);

  await client(baseUrl).events.send("a.b", 1);
  await client(baseUrl).events.send("a.b", 1);

  assert.notEqual(received[0]?.key, received[1]?.key);
});

for (const [answer, kind] of [
  [FIRST[429], RateLimitedError],
  [FIRST[503], UnavailableError],
] as const) {
  test(`what does not pass is told as ${kind.name}`, async (context) => {
    const { baseUrl, received } = await serve(context, answer);

    await assert.rejects(client(baseUrl).events.send("a.b", 1), kind);

    assert.equal(received.length, 3);
  });
}

test("who is told to wait for long is told so", async (context) => {
  const { baseUrl, received } = await serve(context, refusal(429, "limit-reached", "3600"));

  await assert.rejects(client(baseUrl).events.send("a.b", 1), (error) => {
    return error instanceof RateLimitedError && error.retryAfter === 3600;
  });

  assert.equal(received.length, 1);
});

test("what is none of Ringback's answers is told", async (context) => {
  const { baseUrl } = await serve(context, (response) => response.end("<h1>Hello</h1>"));

  await assert.rejects(client(baseUrl).events.get("evt_1"), UnexpectedAnswerError);
});

test("a page of a proxy that does not pass is told", async (context) => {
  const { baseUrl } = await serve(context, page);

  await assert.rejects(client(baseUrl).events.get("evt_1"), (error) => {
    return error instanceof UnexpectedAnswerError && error.status === 502;
  });
});

test("a refused connection is tried again and then told", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));

  await assert.rejects(client(`http://127.0.0.1:${port}`).events.send("a.b", 1), (error) => {
    assert(error instanceof ConnectionFailedError);
    assert.equal(error.tries, 3);
    return !error.message.includes("rb_secret") && error.cause !== undefined;
  });
});

test("an answer that does not come in time is none", async (context) => {
  const { baseUrl, received } = await serve(context, () => undefined, accepted);
  const hasty = new Ringback({ apiKey: "rb_1", baseUrl, timeout: 1_000, retry: QUICK });

  await hasty.events.send("a.b", 1);

  assert(received.length >= 2);
});

test("a name that leads elsewhere is refused", async (context) => {
  const { baseUrl, received } = await serve(context, accepted);

  for (const name of ["", ".", ".."]) await assert.rejects(client(baseUrl).eventTypes.delete(name), RangeError);

  assert.equal(received.length, 0);
});

test("any other name stays one part of the path", async (context) => {
  const { baseUrl, received } = await serve(context, (response) => response.writeHead(204).end());

  await client(baseUrl).eventTypes.delete("../keys/key_1?x=1");

  assert.equal(received[0]?.url, "/v1/event-types/..%2Fkeys%2Fkey_1%3Fx%3D1");
});

test("without a key nothing is sent", () => {
  const kept = process.env["RINGBACK_API_KEY"];
  delete process.env["RINGBACK_API_KEY"];
  assert.throws(() => new Ringback(), RingbackError);
  if (kept !== undefined) process.env["RINGBACK_API_KEY"] = kept;
});

test("a pause grows and is never shorter than asked", () => {
  const retry = { ...RETRY, limit: 10 };
  const pauses = [
    [pauseAfter(retry, 0, undefined, 0), 500],
    [pauseAfter(retry, 0, undefined, 1), 250],
    [pauseAfter(retry, 3, undefined, 0), 4_000],
    [pauseAfter(retry, 9, undefined, 0), 8_000],
    [pauseAfter(retry, 0, 30_000, 0.5), 30_000],
    [pauseAfter(retry, 3, 1_000, 0), 4_000],
    [pauseAfter(retry, 0, 61_000, 0), undefined],
    [pauseAfter(retry, 10, undefined, 0), undefined],
  ];
  for (const [found, expected] of pauses) assert.equal(found, expected);
});

test("Retry-After is read", () => {
  const date = "Wed, 21 Oct 2026 07:28:00 GMT";
  const later = "Wed, 21 Oct 2026 07:28:30 GMT";
  assert.equal(retryAfter(new Headers()), undefined);
  assert.equal(retryAfter(new Headers({ "retry-after": "12" })), 12_000);
  assert.equal(retryAfter(new Headers({ "retry-after": "soon" })), undefined);
  assert.equal(retryAfter(new Headers({ "retry-after": later, date })), 30_000);
  assert.equal(retryAfter(new Headers({ "retry-after": later })), undefined);
});

const told = (body: string, length = body.length): Answer => (response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "content-length": length }).write(body);
  setTimeout(() => (length > body.length ? response.socket?.destroy() : response.end()), 20);
};
const ended = '{"task_id":"task_1","finished_at":"2026-01-31T12:00:00.000Z"}';

test("a stream goes on where it stopped", async (context) => {
  const begun = 'id: 1\nevent: status\ndata: {"task_id":"task_1","finished_at":null}\n\nid: cut\ndata: {';
  const { baseUrl, received } = await serve(context, told(begun, 1000), reset, told(`id: 2\ndata: ${ended}\n\n`));

  const seen = [];
  for await (const task of client(baseUrl).tasks.follow("task_1")) seen.push(task.finished_at);

  assert.deepEqual(seen, [null, "2026-01-31T12:00:00.000Z"]);
  assert.deepEqual(
    received.map((one) => one.after),
    [undefined, "1", "1"],
  );
});

test("a stream that told of nothing goes on where it began", async (context) => {
  const { baseUrl, received } = await serve(context, told("id: 7\nretry: 3000\n\n"), told(`id: 8\ndata: ${ended}\n\n`));

  const seen = [];
  for await (const task of client(baseUrl).tasks.follow("task_1")) seen.push(task.finished_at);

  assert.deepEqual(seen, ["2026-01-31T12:00:00.000Z"]);
  assert.deepEqual(
    received.map((one) => one.after),
    [undefined, "7"],
  );
});

test("a file that breaks off is not taken for the whole", async (context) => {
  const { baseUrl } = await serve(context, (response) => {
    response.writeHead(200, { "content-type": "text/csv", "content-length": 100 }).write("id,event_id\nd");
    setTimeout(() => response.socket?.destroy(), 20);
  });
  const lines: string[] = [];

  await assert.rejects(async () => {
    for await (const line of client(baseUrl).deliveries.exportCsv()) lines.push(line);
  }, ConnectionFailedError);

  assert.deepEqual(lines, ["id,event_id\n"]);
});
