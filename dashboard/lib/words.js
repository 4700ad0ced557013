// What states, reasons and errors mean, in words; and what to do about them.

export const TONES = {
  succeeded: "good", SUCCESS: "good", enabled: "good", open: "good",
  pending: "wait", PENDING: "wait", STARTED: "busy", PROGRESS: "busy", RETRY: "warn", retrying: "warn", paused: "wait",
  exhausted: "bad", FAILURE: "bad", failed: "bad", disabled: "bad",
  cancelled: "quiet", REVOKED: "quiet", unknown: "warn",
};

export const NAMES = {
  PENDING: "Waiting", STARTED: "Running", PROGRESS: "Running", RETRY: "Retrying", SUCCESS: "Succeeded", FAILURE: "Failed",
  REVOKED: "Revoked", pending: "Pending", retrying: "Retrying", succeeded: "Succeeded", exhausted: "Exhausted",
  cancelled: "Cancelled", enabled: "Enabled", paused: "Paused", disabled: "Disabled", failed: "Failed", unknown: "Unknown",
};

export const WAITING = {
  schedule: "for its next attempt on the schedule",
  retry_after: "because the receiver asked for it with Retry-After",
  rate_limit: "for the endpoint's rate limit",
  concurrency: "because the endpoint has as many requests in flight as it allows",
  breaker: "because the circuit breaker is open: the receiver fails, and is left alone for a while",
  paused: "because the endpoint is paused",
  order: "for an earlier event of its order",
  pull: "until it is pulled",
};

export const REASONS = {
  client: "Somebody cancelled it.",
  gone: "The receiver answered 410 Gone: the endpoint was disabled.",
  aborted: "The receiver asked to stop with webhook-delivery: abort-message.",
  endpoint_disabled: "The endpoint is disabled. Enable it, then recover what it missed.",
  endpoint_deleted: "The endpoint was deleted.",
  payload_erased: "The event's payload was erased.",
  expired: "It waited longer than the tenant's retention.",
};

export const ERRORS = {
  timeout: ["Timed out", "The receiver did not finish its answer in time. Answer 2xx first, and work afterwards."],
  connect: ["No connection", "Nothing took the connection at this address and port."],
  tls: ["TLS failed", "The certificate or the protocol was not accepted."],
  dns: ["Name not found", "The host's name does not resolve."],
  blocked_address: ["Blocked address", "The name leads to an address that deliveries may not reach."],
  too_large: ["Answer too large", "The answer's headers are larger than what is read."],
  protocol: ["Not HTTP", "The receiver broke the rules of HTTP."],
  http_status: ["Refused", "The receiver answered with a status other than 2xx."],
};

export const TRIGGERS = {
  first: "First attempt", retry: "Retry", resend: "Resend", replay: "Replay", recover: "Recover", test: "Test",
  reconnect: "Sent again on a fresh connection",
};

// Where something goes; what is pulled goes nowhere by itself.
export const where = (url) => url ?? "pulled by its owner";

export const outcome = (attempt) => {
  if (attempt.outcome === "succeeded") return "Delivered";
  if (attempt.outcome === "unknown") return "Unknown: its process died, and it may have been sent";
  return ERRORS[attempt.error]?.[0] ?? "Failed";
};
