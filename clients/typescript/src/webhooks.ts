/** Whether a webhook is what it says: Standard Webhooks 1.0, by a secret (`v1`) or a public key (`v1a`). */

import { webcrypto } from "./crypto.js";
import { WebhookVerificationError } from "./errors.js";

const TOLERANCE = 300; // seconds, as the specification advises
const PUBLIC = "whpk_";

/** A webhook that verified; the same `id` may come more than once. */
export interface Message<Data = unknown> {
  id: string;
  type: string;
  timestamp: string;
  data: Data;
}

type Bytes = Uint8Array<ArrayBuffer>;
type IncomingHeaders = Headers | Record<string, string | string[] | undefined>;

/** An endpoint's secret (`whsec_…`) or public key (`whpk_…`), and what verifies by it. */
export class Webhook {
  readonly #raw: Bytes;
  readonly #version: "v1" | "v1a";

  constructor(key: string) {
    const raw = decoded(key.replace(/^wh(sec|pk)_/, ""));
    if (raw === undefined || raw.length === 0) throw new TypeError("a key is whsec_ or whpk_, and base64");
    this.#raw = raw;
    this.#version = key.startsWith(PUBLIC) ? "v1a" : "v1";
  }

  /**
   * Return what a request says, given its body exactly as it came.
   *
   * Throws a `WebhookVerificationError` for what `check` refuses, or a body that is no webhook.
   */
  async verify<Data = unknown>(body: string | Uint8Array, headers: IncomingHeaders): Promise<Message<Data>> {
    const id = await this.check(body, headers);
    return read<Data>(id, typeof body === "string" ? body : new TextDecoder().decode(body));
  }

  /**
   * Return the `webhook-id` of a request whose signature is good; `now` (Unix seconds) is the clock's.
   *
   * Throws a `WebhookVerificationError` for a header that is missing, a time that is more than five minutes off, or a
   * signature that does not match.
   */
  async check(body: string | Uint8Array, headers: IncomingHeaders, now = Date.now() / 1000): Promise<string> {
    const id = header(headers, "webhook-id");
    const timestamp = header(headers, "webhook-timestamp");
    const signature = header(headers, "webhook-signature");
    judgeTime(timestamp, now);
    const prefix = new TextEncoder().encode(`${id}.${timestamp}.`);
    const content = joined(prefix, typeof body === "string" ? new TextEncoder().encode(body) : body);
    const given = signature.split(" ").map((entry) => entry.split(","));
    for (const [version, text] of given) {
      const bytes = version === this.#version ? decoded(text ?? "") : undefined;
      if (bytes !== undefined && (await this.#matches(bytes, content))) return id;
    }
    throw new WebhookVerificationError("no signature matches");
  }

  async #matches(signature: Bytes, content: Bytes): Promise<boolean> {
    const { subtle } = await webcrypto();
    const algorithm = this.#version === "v1a" ? { name: "Ed25519" } : { name: "HMAC", hash: "SHA-256" };
    const key = await subtle.importKey("raw", this.#raw, algorithm, false, ["verify"]);
    return subtle.verify(algorithm.name, key, signature, content);
  }
}

function header(headers: IncomingHeaders, name: string): string {
  const found = headers instanceof Headers ? headers.get(name) : fromRecord(headers, name);
  if (typeof found === "string" && found !== "") return found;
  throw new WebhookVerificationError(`there is no ${name}`);
}

function fromRecord(headers: Record<string, string | string[] | undefined>, name: string): unknown {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function judgeTime(text: string, now: number): void {
  if (!/^\d+$/.test(text)) throw new WebhookVerificationError("webhook-timestamp is not in Unix seconds");
  if (Math.abs(now - Number(text)) > TOLERANCE) {
    throw new WebhookVerificationError("webhook-timestamp is too far from now: an old request again, or a wrong clock");
  }
}

function joined(first: Uint8Array, second: Uint8Array): Bytes {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function decoded(base64: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function read<Data>(id: string, text: string): Message<Data> {
  try {
    const { type, timestamp, data } = JSON.parse(text) as Message<Data>;
    if (typeof type === "string" && typeof timestamp === "string") return { id, type, timestamp, data };
  } catch {
    // told below
  }
  throw new WebhookVerificationError("the body is no webhook: type, timestamp and data");
}
