/** The client against the product: RINGBACK_URL and RINGBACK_API_KEY say where it is. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  AuthenticationError,
  ConflictError,
  InvalidInputError,
  NotFoundError,
  ResultPendingError,
  Ringback,
  ServerError,
  TaskFailedError,
  WaitTimeoutError,
  Webhook,
} from "ringback-client";

const SUM = { x: 1, y: 4 };
const WITHIN = { timeout: 30_000 };
const ringback = new Ringback();

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of list) found.push(item);
  return found;
}

/** A server that answers 204 to one request, and what that request was. */
async function receiver(): Promise<{ url: string; received: Promise<{ request: IncomingMessage; body: Buffer }> }> {
  const { promise, resolve } = deferred<{ request: IncomingMessage; body: Buffer }>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(204, { connection: "close" }).end();
    server.close();
    resolve({ request, body: Buffer.concat(chunks) });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received: promise };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

test("a task is submitted and waited for", async () => {
  const order = randomUUID();
  const task = await ringback.tasks.submit("math.divide", SUM, { metadata: { order } });

  const ended = await ringback.tasks.wait(task.task_id, WITHIN);

  assert.deepEqual([ended.status, ended.result, ended.metadata], ["SUCCESS", 0.25, { order }]);
  assert.equal(await ringback.tasks.result(task.task_id), 0.25);
  const listed = await all(ringback.tasks.list({ metadata: { order } }));
  assert.deepEqual(
    listed.map((one) => one.task_id),
    [task.task_id],
  );
});

test("run gives the result alone", async () => {
  assert.equal(await ringback.tasks.run<number>("math.divide", SUM, WITHIN), 0.25);
});

test("a result of null is a result", async () => {
  assert.equal(await ringback.tasks.run("demo.sleep", { seconds: 0 }, WITHIN), null);
});

test("a file is submitted, with what is given beside it", async () => {
  const given = { metadata: { of: "a file" }, unique_key: undefined as never };
  const task = await ringback.tasks.submitFile("words.count", new Blob(["one two three"]), given);

  const ended = await ringback.tasks.wait(task.task_id, WITHIN);

  assert.deepEqual([ended.result, ended.metadata], [{ count: 3 }, { of: "a file" }]);
});

test("a task that fails says why", async () => {
  await assert.rejects(ringback.tasks.run("math.divide", { x: 1, y: 0 }, WITHIN), (error) => {
    assert(error instanceof TaskFailedError);
    assert.deepEqual([error.code, error.task.status], ["division_by_zero", "FAILURE"]);
    return true;
  });
});

test("waiting for a task that fails returns it", async () => {
  const task = await ringback.tasks.submit("math.divide", { x: 1, y: 0 });

  const ended = await ringback.tasks.wait(task.task_id, WITHIN);

  assert.equal(ended.error?.code, "division_by_zero");
  await assert.rejects(ringback.tasks.result(task.task_id), (error) => {
    return error instanceof ServerError && error.code === "task-failed";
  });
});

test("waiting ends in time and the task goes on", async () => {
  const task = await ringback.tasks.submit("math.divide", SUM, { delay: 3600 });

  await assert.rejects(ringback.tasks.wait(task.task_id, { timeout: 100 }), (error) => {
    return error instanceof WaitTimeoutError && error.task.status === "PENDING";
  });
  await assert.rejects(ringback.tasks.result(task.task_id), ResultPendingError);
});

test("a task is cancelled, run again and erased", async () => {
  const task = await ringback.tasks.submit("math.divide", SUM, { delay: 3600 });

  await ringback.tasks.cancel(task.task_id);
  const again = await ringback.tasks.retry(task.task_id);
  await ringback.tasks.delete(task.task_id);

  assert.equal((await ringback.tasks.wait(again.task_id, WITHIN)).retry_of, task.task_id);
  assert.equal((await ringback.tasks.get(task.task_id)).input, null);
  await assert.rejects(ringback.tasks.cancel(task.task_id), ConflictError);
});

for (const signature of ["hmac", "ed25519"] as const) {
  test(`an event reaches its endpoint and verifies by ${signature}`, async () => {
    const { url, received } = await receiver();
    const type = `order.${randomUUID()}`;
    const endpoint = await ringback.endpoints.create({ url, event_types: [type], signature });
    const event = await ringback.events.send(type, { order: "42" });

    const { request, body } = await received;

    const key = endpoint.secret ?? endpoint.public_key ?? "";
    const message = await new Webhook(key).verify<{ order: string }>(body, request.headers);
    assert.deepEqual([message.id, message.type, message.data.order], [event.id, type, "42"]);
    const [delivery] = await all(ringback.deliveries.list({ event_id: event.id }));
    assert.equal(delivery?.endpoint_id, endpoint.id);
    await ringback.endpoints.delete(endpoint.id);
  });
}

test("an endpoint is changed and deleted", async () => {
  const endpoint = await ringback.endpoints.create({ url: "https://partner.example/hook", rate_limit: 5 });

  const changed = await ringback.endpoints.update(endpoint.id, { rate_limit: null, description: "Orders" });
  const paused = await ringback.endpoints.pause(endpoint.id);
  const rotated = await ringback.endpoints.rotateSecret(endpoint.id, { overlap: 0 });
  await ringback.endpoints.delete(endpoint.id);

  assert.deepEqual([changed.rate_limit, changed.description, paused.status], [null, "Orders", "paused"]);
  assert.notEqual(rotated.secret, endpoint.secret);
  await assert.rejects(ringback.endpoints.get(endpoint.id), NotFoundError);
});

test("a batch says what became of each line", async () => {
  const batch = await ringback.events.sendBatch([
    { type: "a.b", data: 1 },
    { type: "task.mine", data: 2 },
  ]);

  assert.deepEqual(
    batch.data.map((line) => line.status),
    [202, 422],
  );
});

test("a list is read over its pages", async () => {
  const type = `page.${randomUUID()}`;
  const sent: string[] = [];
  for (const number of [1, 2, 3, 4, 5]) sent.unshift((await ringback.events.send(type, number)).id);

  const listed = await all(ringback.events.list({ type, limit: 2 }));

  assert.deepEqual(
    listed.map((event) => event.id),
    sent,
  );
  const pages = await all(ringback.events.list({ type, limit: 2 }).pages());
  assert.deepEqual(
    pages.map((page) => page.data.length),
    [2, 2, 1],
  );
});

test("a key of one's own makes one event", async () => {
  const options = { idempotencyKey: randomUUID() };

  const first = await ringback.events.send("a.b", 1, options);
  const second = await ringback.events.send("a.b", 1, options);

  assert.equal(first.id, second.id);
});

test("what is not there is told", async () => {
  await assert.rejects(ringback.tasks.get("task_01jz8f6kq3e5v9t2w4x6y8z0ab"), (error) => {
    assert(error instanceof NotFoundError);
    assert.deepEqual([error.status, error.code], [404, "not-found"]);
    return error.requestId !== "";
  });
});

test("bad values are named", async () => {
  await assert.rejects(ringback.tasks.submit("math.divide", { x: "one", y: 4 }), (error) => {
    assert(error instanceof InvalidInputError);
    assert.deepEqual(
      error.errors.map((one) => one.pointer),
      ["/input/x"],
    );
    return error.message.includes("/input/x");
  });
});

test("a wrong key is told", async () => {
  await assert.rejects(new Ringback({ apiKey: "rb_wrong" }).tasks.list().page(), AuthenticationError);
});

test("a limit is waited out", async () => {
  const limited = new Ringback({ apiKey: process.env["LIMITED_API_KEY"] ?? "", retry: { limit: 10, base: 100 } });

  const ids = new Set<string>();
  for (const number of [1, 2, 3]) ids.add((await limited.events.send("a.b", number)).id);

  assert.equal(ids.size, 3);
});

test("the catalogue and the task types are read", async () => {
  const name = `catalogue.${randomUUID()}`;
  await ringback.eventTypes.put(name, { description: "An order was paid.", schema: { type: "object" } });

  const names = (await all(ringback.eventTypes.list())).map((one) => one.name);
  const types = (await all(ringback.taskTypes.list())).map((one) => one.name);

  assert(names.includes(name));
  assert(types.includes("math.divide"));
  await assert.rejects(ringback.events.send(name, "no object"), InvalidInputError);
});

const ODD = "line\u2028separator \u0085 end";

test("a task is followed to its end", async () => {
  const input = { user_id: 7, version: "2026-01", steps: 20 };
  const task = await ringback.tasks.submit("reports.generate", input, { metadata: { odd: ODD } });

  const seen = await all(ringback.tasks.follow(task.task_id));

  assert.deepEqual([seen.at(-1)?.status, seen.at(-1)?.metadata], ["SUCCESS", { odd: ODD }]);
  assert(seen.length > 1);
});

test("a task that is not there is not followed", async () => {
  await assert.rejects(all(ringback.tasks.follow("task_01jz8f6kq3e5v9t2w4x6y8z0ab")), NotFoundError);
});

test("deliveries are pulled, acknowledged, seen live and exported", async () => {
  const type = `pulled.${randomUUID()}`;
  const inbox = await ringback.endpoints.create({ mode: "pull", event_types: [type] });
  const event = await ringback.events.send(type, { order: ODD });

  const [pulled] = await ringback.endpoints.pull(inbox.id, { wait: 20 });
  assert(pulled);
  const message = await new Webhook(inbox.secret ?? "").verify(pulled.request.body, pulled.request.headers);
  const [acked] = await ringback.endpoints.ack(inbox.id, [{ claim: pulled.claim, status: 200, abort: false }]);

  assert.deepEqual([message.id, message.data], [event.id, { order: ODD }]);
  assert.deepEqual([acked?.id, acked?.status], [pulled.delivery_id, "succeeded"]);
  for await (const attempt of ringback.deliveries.live({ after: `0.${"0".repeat(32)}.0` })) {
    if (attempt.event_id !== event.id) continue;
    assert.deepEqual([attempt.outcome, attempt.event_type], ["succeeded", type]);
    assert.match(attempt.place, /^\d+\./);
    break;
  }
  const exported = await all(ringback.deliveries.export({ event_type: type }));
  const table = await all(ringback.deliveries.exportCsv({ event_type: type }));
  assert.deepEqual(
    exported.map((one) => one.id),
    [pulled.delivery_id],
  );
  assert.equal(table.length, 2);
});

test("a stream ends when it is told to, and tells of a gap", async () => {
  const controller = new AbortController();
  const gaps: string[] = [];
  const onGap = () => {
    gaps.push("gap");
    controller.abort();
  };

  const seen = await all(ringback.deliveries.live({ after: "nowhere", onGap, signal: controller.signal }));

  assert.deepEqual([gaps, seen], [["gap"], []]);
});

test("a tenant is told how it is", async () => {
  assert.equal((await ringback.stats({ window: "24h" })).window, "24h");
});
