// What an endpoint's state means, in words: its own, the breaker's and the queue's.
import { duration, number, percent } from "../lib/format.js";
import { WAITING } from "../lib/words.js";

const REASONS = {
  gone: "the receiver answered 410 Gone",
  failing: "it only failed for days",
};

export function state_in_words(endpoint, stats, deliveries) {
  const waiting = stats?.backlog.waiting ?? 0;
  const many = `${number(waiting)} ${waiting === 1 ? "delivery waits" : "deliveries wait"}`;
  if (endpoint.status === "disabled") {
    const why = REASONS[endpoint.disabled_reason] ?? endpoint.disabled_reason;
    return { tone: "bad", title: "Disabled by the platform:", text: `${why}. Mend the receiver, enable it here, then recover what it missed.` };
  }
  if (endpoint.status === "paused") return { tone: "wait", title: "Paused.", text: `${many} until you enable it.` };
  const held = deliveries.map((one) => one.waiting_for).filter((one) => one && one !== "schedule" && one !== "retry_after");
  if (held.includes("breaker")) {
    return { tone: "bad", title: "The circuit breaker is open.", text: `Most attempts of the last minute failed. ${many}; one is tried now and then, and nothing held uses up an attempt.` };
  }
  if (held.length) return { tone: "wait", title: `${many}.`, text: `The next one waits ${WAITING[held[0]]}.` };
  const rate = stats?.total.success_rate;
  if (rate !== null && rate !== undefined && rate < 0.9) {
    return { tone: "warn", title: `Only ${percent(rate)} of attempts succeed.`, text: waiting ? `${many} for a retry.` : "Look at the failed deliveries below." };
  }
  const late = stats?.backlog.oldest_seconds;
  if (waiting) return { tone: "good", title: "Deliveries flow.", text: `${many}${late ? `, the oldest due for ${duration(late)}` : ", none is late"}.` };
  return { tone: "good", title: "Deliveries flow.", text: "Nothing waits." };
}
