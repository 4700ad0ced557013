// All events, by filters that live in the address; and sending one.
import { html, useState } from "../lib/ui.js";
import { post } from "../lib/api.js";
import { typedIn } from "../lib/exact.js";
import { useList } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Button, Empty, Head, Id, Line, Moment } from "../parts/basics.js";
import { Field, FormDialog } from "../parts/dialog.js";
import { Filters, ListTable } from "../parts/list.js";
import { Typed } from "../parts/typed.js";

const FIELDS = [
  ["type", "Type", "text", "order.paid"],
  ["client_id", "Client's ID", "text"],
  ["ordering_key", "Ordering key", "text"],
  ["created_after", "From", "time"],
  ["created_before", "Until", "time"],
];
const COLUMNS = [
  ["Type", (one) => html`<${Link} to=${`events/${one.id}`} class="strong">${visible(one.type)}</${Link}>`],
  ["Data", (one) => html`<${Line} text=${one.erased_at ? "erased" : JSON.stringify(one.data)?.slice(0, 160)} code />`, "grow"],
  ["Deliveries", (one) => one.deliveries, "number"],
  ["Event", (one) => html`<${Id} id=${one.id}>${one.id.slice(0, 4)}…${one.id.slice(-6)}</${Id}>`],
  ["Made", (one) => html`<${Moment} at=${one.created_at} />`, "time"],
];
const SAMPLE = JSON.stringify({ order: 42 }, null, 2);

export function Page({ query }) {
  const list = useList("/v1/events", query);
  const [sending, send] = useState(false);
  const empty = html`<${Empty} title=${Object.keys(query).length ? "Nothing fits these filters" : "No events yet"}>Events come from your application, by <code>POST /v1/events</code>, and from tasks.</${Empty}>`;
  return html`<${Head} title="Events" actions=${may("events:write") && html`<${Button} kind="primary" icon="plus" onClick=${() => send(true)}>Send event</${Button}>`} />
    <${Filters} path="events" query=${query} fields=${FIELDS} />
    <${ListTable} list=${list} columns=${COLUMNS} label="Events" onRow=${(one) => go(`events/${one.id}`)} empty=${empty} />
    ${sending && html`<${SendEvent} onClose=${() => send(false)} />`}`;
}

export function SendEvent({ type = "", example = SAMPLE, onClose }) {
  async function send(form) {
    const made = await post("/v1/events", { type: form.get("type").trim(), data: typedIn(form, "data") });
    onClose();
    go(`events/${made.id}`);
  }
  return html`<${FormDialog} title="Send an event" submit="Send" onSubmit=${send} onClose=${onClose} wide>
    <p class="prose">It goes to every endpoint that subscribes to its type.</p>
    <${Field} label="Type"><${Typed} name="type" required value=${type} placeholder="order.paid" spellcheck=${false} /></${Field}>
    <${Field} label="Data" hint="JSON."><textarea name="data" rows="8" class="mono" spellcheck=${false}>${example}</textarea></${Field}>
  </${FormDialog}>`;
}
