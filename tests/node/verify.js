// Reads [{secret, headers, body}] (the body in base64) and writes what came of each: "" or why it was refused.
import crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // an Ed25519 public key as DER begins so: RFC 8410
const PUBLIC = "whpk_";

function verifyPublic(key, headers, body) {
  const raw = Buffer.concat([SPKI, Buffer.from(key.slice(PUBLIC.length), "base64")]);
  const publicKey = crypto.createPublicKey({ key: raw, format: "der", type: "spki" });
  const content = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  const good = headers["webhook-signature"].split(" ").some((entry) => {
    const [version, signature] = entry.split(",");
    return version === "v1a" && crypto.verify(null, content, publicKey, Buffer.from(signature, "base64"));
  });
  if (!good) throw new Error("No matching signature found");
}

function outcome({ secret, headers, body }) {
  const raw = Buffer.from(body, "base64");
  try {
    if (secret.startsWith(PUBLIC)) verifyPublic(secret, headers, raw);
    else new Webhook(secret).verify(raw.toString("utf8"), headers);
    return "";
  } catch (error) {
    return error.message;
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(outcome)));
