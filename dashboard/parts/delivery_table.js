// A list of deliveries, wherever one is shown.
import { html } from "../lib/ui.js";
import { Link, go } from "../lib/router.js";
import { visible } from "../lib/visible.js";
import { WAITING, where } from "../lib/words.js";
import { Badge, Empty, Line, Moment } from "./basics.js";
import { ListTable } from "./list.js";

const COLUMNS = [
  ["Status", (one) => html`<${Badge} word=${one.status} />`, "narrow"],
  ["Event", (one) => html`<${Link} to=${`deliveries/${one.id}`} class="strong">${visible(one.event_type)}</${Link}><span class="beneath"><${Line} text=${where(one.url)} code /></span>`, "event"],
  ["To", (one) => html`<${Line} text=${where(one.url)} code />`, "grow roomy"],
  ["Answer", (one) => html`<span class=${one.last_response_code >= 300 ? "bad-text mono" : "mono"}>${one.last_response_code ?? "–"}</span>`, "number"],
  ["Attempts", (one) => one.attempt_count, "number roomy"],
  ["Next", (one) => html`<${Next} delivery=${one} />`, "roomy"],
  ["Made", (one) => html`<${Moment} at=${one.created_at} />`, "time"],
];

const TIMED = new Set(["schedule", "retry_after"]);

function Next({ delivery }) {
  if (delivery.waiting_for && !TIMED.has(delivery.waiting_for)) {
    return html`<span class="dim" title=${`Waits ${WAITING[delivery.waiting_for]}`}>${delivery.waiting_for.replace("_", " ")}</span>`;
  }
  if (!delivery.next_attempt_at) return html`<span class="dim">${delivery.finished_at ? "–" : "under way"}</span>`;
  return html`<${Moment} at=${delivery.next_attempt_at} relative />`;
}

export function DeliveryTable({ list, label = "Deliveries", empty }) {
  return html`<${ListTable} list=${list} columns=${COLUMNS} label=${label} onRow=${(one) => go(`deliveries/${one.id}`)}
    empty=${empty ?? html`<${Empty} title="No deliveries">What is sent to endpoints is listed here.</${Empty}>`} />`;
}
