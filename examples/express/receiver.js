// A receiver with Express. `npm ci`, then: WEBHOOK_SECRET=whsec_… PORT=9000 node receiver.js
// It verifies, remembers which webhooks it has had, answers at once, and works afterwards.

import express from "express";
import { appendFile, readFile } from "node:fs/promises";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const journal = process.env.WEBHOOK_DB ?? "webhooks.txt"; // with more than one process: a table with a unique key
const seen = new Set((await readFile(journal, "utf8").catch(() => "")).split("\n"));
const app = express();

// The signature is over the bytes as they came: no JSON parser may touch them before.
app.post("/", express.raw({ type: "*/*", limit: "2mb" }), async (request, response) => {
  let message;
  try {
    message = webhook.verify(request.body.toString("utf8"), request.headers);
  } catch {
    return response.sendStatus(401);
  }
  const id = request.get("webhook-id");
  const isNew = !seen.has(id);
  if (isNew) {
    seen.add(id); // at once, so that the same one beside it is not new
    await appendFile(journal, `${id}\n`);
  }
  response.sendStatus(204);
  if (isNew) setImmediate(work, message);
});

// Here a restart in between would lose it: real work goes into a queue first.
function work(message) {
  console.log("worked on", message.type, JSON.stringify(message.data));
}

const server = app.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
