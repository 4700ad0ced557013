/** Signatures, by the published vectors; VECTORS names their file. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Webhook, WebhookVerificationError } from "ringback-client";

interface Vector {
  name: string;
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
  body_b64: string;
  secrets: string[];
}

const { cases } = JSON.parse(readFileSync(process.env["VECTORS"] ?? "", "utf8")) as { cases: Vector[] };
const [first] = cases as [Vector];
const NOW = Number(first["webhook-timestamp"]);

function parts(vector: Vector): { body: Uint8Array; headers: Record<string, string> } {
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;
  return {
    body: Buffer.from(vector.body_b64, "base64"),
    headers: Object.fromEntries(names.map((name) => [name, vector[name]])),
  };
}

for (const vector of cases) {
  for (const secret of vector.secrets) {
    test(`${vector.name} verifies by ${secret.slice(0, 5)}…`, async () => {
      const { body, headers } = parts(vector);

      assert.equal(await new Webhook(secret).check(body, headers, NOW), vector["webhook-id"]);
      assert.equal(await new Webhook(secret).check(body, new Headers(headers), NOW), vector["webhook-id"]);
    });

    test(`${vector.name} with another body does not verify by ${secret.slice(0, 5)}…`, async () => {
      const { headers } = parts(vector);

      await assert.rejects(new Webhook(secret).check("{}", headers, NOW), WebhookVerificationError);
    });
  }
}

const { body, headers } = parts(first);
const webhook = new Webhook(first.secrets[0] ?? "");
const REFUSED: Record<string, [Record<string, string>, number]> = {
  "an old one": [headers, NOW + 301],
  "one from the future": [headers, NOW - 301],
  "one without an ID": [{ ...headers, "webhook-id": "" }, NOW],
  "a time that is none": [{ ...headers, "webhook-timestamp": "now" }, NOW],
  "no base64": [{ ...headers, "webhook-signature": "v1,é" }, NOW],
  "another version": [{ ...headers, "webhook-signature": headers["webhook-signature"]?.replace("v1", "v2") ?? "" }, NOW],
};
for (const [name, [given, now]] of Object.entries(REFUSED)) {
  test(`${name} is refused`, async () => {
    await assert.rejects(webhook.check(body, given, now), WebhookVerificationError);
  });
}

test("names of headers may be written in any case", async () => {
  const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));

  assert.equal(await webhook.check(body, shouted, NOW), first["webhook-id"]);
});

test("what is no key is refused", () => {
  assert.throws(() => new Webhook("whsec_"), TypeError);
  assert.throws(() => new Webhook("whsec_é"), TypeError);
});
