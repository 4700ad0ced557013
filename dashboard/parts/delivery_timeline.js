// A delivery from its making to its end: every attempt, and why there is a wait before the next.
import { html } from "../lib/ui.js";
import { duration, milliseconds, seconds } from "../lib/format.js";
import { ERRORS, REASONS, TRIGGERS, WAITING, outcome } from "../lib/words.js";
import { visible } from "../lib/visible.js";
import { Moment } from "./basics.js";

// What one has to know, in a sentence.
export function summary(delivery, attempts) {
  const last = attempts.at(-1);
  const count = `${delivery.attempt_count} ${delivery.attempt_count === 1 ? "attempt" : "attempts"}`;
  if (delivery.status === "succeeded") return `Delivered after ${count}, ${duration(seconds(delivery.created_at, delivery.finished_at))} after it was made.`;
  if (delivery.status === "exhausted") return `Given up after ${count}: the schedule is used up. A resend or a recover of the endpoint opens it again.`;
  if (delivery.status === "cancelled") return `Cancelled after ${count}. ${REASONS[delivery.reason] ?? ""}`;
  if (delivery.waiting_for) return `Waits ${WAITING[delivery.waiting_for]}; ${count} so far.`;
  return delivery.next_attempt_at ? `Due now; ${count} so far.` : "An attempt is on its way.";
}

export function Timeline({ delivery, attempts, chosen, onChoose }) {
  const known = new Map(attempts.map((one) => [one.number, one]));
  const steps = delivery.schedule;
  const planned = steps.filter((one) => !one.made);
  const hidden = planned.length > 3 ? planned.length - 3 : 0;
  const shown = hidden ? steps.filter((one) => one.made || planned.indexOf(one) < 3) : steps;
  let before = { at: delivery.created_at };
  return html`<ol class="timeline">
    <li class="done"><span class="dot"></span><div><strong>Accepted</strong><p class="dim"><${Moment} at=${delivery.created_at} /></p></div></li>
    ${shown.map((step) => {
      const from = before;
      before = step;
      return html`<${Step} key=${step.number} step=${step} before=${from} attempt=${known.get(step.number)} delivery=${delivery}
        chosen=${step.made && step.number === chosen} onChoose=${onChoose} />`;
    })}
    ${hidden > 0 && html`<li class="planned"><span class="dot"></span><div class="dim">${hidden} more, if those fail as well; the last at <${Moment} at=${steps.at(-1).at} /></div></li>`}
    ${delivery.finished_at && html`<li class=${`end ${delivery.status}`}><span class="dot"></span><div><strong>${END[delivery.status]}</strong>
      <p class="dim"><${Moment} at=${delivery.finished_at} />${delivery.reason ? ` · ${REASONS[delivery.reason] ?? delivery.reason}` : ""}</p></div></li>`}
  </ol>`;
}

const END = { succeeded: "Delivered", exhausted: "Given up", cancelled: "Cancelled" };

function Step({ step, before, attempt, delivery, chosen, onChoose }) {
  const wait = Math.max(seconds(before.at, step.at), 0);
  const gap = wait >= 0.5 && html`<p class="gap">${step.made ? "waited" : "waits"} ${duration(wait)}${why(step, before, delivery)}</p>`;
  if (!step.made) {
    return html`<li class="planned"><span class="dot"></span><div>${gap}<strong>${TRIGGERS[step.reason] ?? step.reason}</strong>
      <p class="dim">${new Date(step.at) > Date.now() ? "planned" : "due since"} <${Moment} at=${step.at} relative /> · <${Moment} at=${step.at} /></p></div></li>`;
  }
  return html`<li class=${`made ${step.outcome}`}><span class="dot"></span><div>${gap}
    <button type="button" class="step" aria-pressed=${String(chosen)} onClick=${() => onChoose(step.number)}>
      <span class="what"><strong>${step.number}. ${TRIGGERS[step.reason] ?? step.reason}</strong>
        <span class=${step.outcome === "succeeded" ? "good-text" : "bad-text"}>${step.response_code ?? (step.error ? ERRORS[step.error]?.[0] : outcome(step))}</span></span>
      <span class="dim"><${Moment} at=${step.at} />${attempt ? ` · ${milliseconds(attempt.duration_ms.total)}` : ""}${attempt?.note ? ` · ${visible(attempt.note)}` : ""}</span>
    </button></div></li>`;
}

// Why the wait before a step was, as far as the record says.
function why(step, before, delivery) {
  if (step.reason === "resend" || step.reason === "recover" || step.reason === "replay") return ", until somebody asked";
  if (before.number === undefined) return step.made ? " to be sent" : "";
  if (!step.made && delivery.waiting_for && delivery.waiting_for !== "schedule") return ` ${WAITING[delivery.waiting_for]}`;
  return before.response_code === 429 || before.response_code === 503 ? " by the schedule, or as Retry-After asked" : " by the schedule";
}
