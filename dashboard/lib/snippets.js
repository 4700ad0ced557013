// How to verify a delivery, in the languages that receivers are written in (Standard Webhooks).

const NAMES = { python: "Python", node: "Node", go: "Go", ruby: "Ruby", php: "PHP", java: "Java" };

const WITH_SECRET = {
  python: `# pip install standardwebhooks
from standardwebhooks import Webhook

webhook = Webhook(SECRET)  # whsec_…

# The raw bytes, before any JSON parser has seen them. Raises if the signature or the time is wrong.
event = webhook.verify(request.body, dict(request.headers))`,
  node: `// npm install standardwebhooks
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.SECRET); // whsec_…

// The raw body: express.raw({ type: "application/json" }). Throws if the signature or the time is wrong.
const event = webhook.verify(request.body, request.headers);`,
  go: `// go get github.com/standard-webhooks/standard-webhooks/libraries
import standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

webhook, err := standardwebhooks.NewWebhook(secret) // whsec_…
body, err := io.ReadAll(request.Body)
if err := webhook.Verify(body, request.Header); err != nil {
	http.Error(w, "bad signature", http.StatusUnauthorized)
}`,
  ruby: `# gem install standardwebhooks
require "standardwebhooks"

webhook = StandardWebhooks::Webhook.new(ENV["SECRET"]) # whsec_…

# Raises StandardWebhooks::WebhookVerificationError.
event = webhook.verify(request.raw_post, request.headers)`,
  php: `// Nothing to install: hash_hmac and hash_equals are PHP's own.
$body = file_get_contents("php://input");
$id = $_SERVER["HTTP_WEBHOOK_ID"];
$time = $_SERVER["HTTP_WEBHOOK_TIMESTAMP"];
$key = base64_decode(substr($secret, strlen("whsec_")));
$wanted = "v1," . base64_encode(hash_hmac("sha256", "$id.$time.$body", $key, true));

$valid = false;
foreach (explode(" ", $_SERVER["HTTP_WEBHOOK_SIGNATURE"]) as $signature) {
    $valid = hash_equals($wanted, $signature) || $valid;
}
if (!$valid || abs(time() - (int) $time) > 300) {
    http_response_code(401);
    exit;
}`,
  java: `// Nothing to install: javax.crypto and java.security are Java's own.
byte[] key = Base64.getDecoder().decode(secret.substring("whsec_".length()));
Mac mac = Mac.getInstance("HmacSHA256");
mac.init(new SecretKeySpec(key, "HmacSHA256"));
mac.update((id + "." + timestamp + ".").getBytes(UTF_8));
byte[] wanted = mac.doFinal(body); // the raw bytes

boolean valid = Arrays.stream(signatures.split(" "))
    .filter(one -> one.startsWith("v1,"))
    .anyMatch(one -> MessageDigest.isEqual(wanted, Base64.getDecoder().decode(one.substring(3))));
boolean fresh = Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) <= 300;`,
};

const WITH_PUBLIC_KEY = {
  python: `# pip install cryptography
import base64
import time
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verifies(public_key, headers, body):
    """Tell whether a request is genuine and at most 5 minutes old; the body as raw bytes."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for entry in headers["webhook-signature"].split(" "):
        version, _, signature = entry.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(base64.b64decode(signature), content)
            return abs(time.time() - int(headers["webhook-timestamp"])) <= 300
        except (InvalidSignature, ValueError):
            continue  # during a rotation there are several: one that verifies is enough
    return False`,
  node: `import crypto from "node:crypto";

// Tells whether a request is genuine and at most 5 minutes old; the body as a Buffer of the raw bytes.
export function verifies(publicKey, headers, body) {
  const prefix = Buffer.from("302a300506032b6570032100", "hex"); // of an Ed25519 public key in DER: RFC 8410
  const der = Buffer.concat([prefix, Buffer.from(publicKey.slice("whpk_".length), "base64")]);
  const key = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
  const content = Buffer.concat([Buffer.from(headers["webhook-id"] + "." + headers["webhook-timestamp"] + "."), body]);
  const good = headers["webhook-signature"].split(" ").some((entry) => {
    const [version, signature] = entry.split(",");
    return version === "v1a" && crypto.verify(null, content, key, Buffer.from(signature ?? "", "base64"));
  });
  return good && Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) <= 300;
}`,
};

const made = (isPublic) => (isPublic ? WITH_PUBLIC_KEY : WITH_SECRET);

export const languages = (isPublic) => Object.keys(made(isPublic)).map((name) => [name, NAMES[name]]);

export const snippet = (language, isPublic) => made(isPublic)[language];
