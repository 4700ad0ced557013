// Making and changing an endpoint.
import { html, useState } from "../lib/ui.js";
import { patch, post } from "../lib/api.js";
import { exact, typedIn } from "../lib/exact.js";
import { visible } from "../lib/visible.js";
import { Copy } from "./basics.js";
import { Dialog, Field, FormDialog } from "./dialog.js";
import { Typed } from "./typed.js";

const list = (text) => text.split(/[\s,]+/).filter(Boolean);
const orNull = (text) => (text === "" ? null : text);
const orNone = (many) => (many.length ? many : null);
const whole = (text) => (text === "" ? null : Number(text));

export function EndpointForm({ endpoint, session, onClose, onSaved }) {
  // As it was when the form was opened: the page behind reads on.
  const [old] = useState(() => (endpoint ? { ...endpoint, filter: exact(endpoint, "filter") } : {}));
  const [mode, setMode] = useState(old.mode ?? "push");
  async function save(form) {
    const body = wished(form, old);
    if (endpoint) {
      onSaved(await patch(`/v1/endpoints/${endpoint.id}`, changed(body, old)));
      return;
    }
    const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
    onSaved(await post("/v1/endpoints", given));
  }
  return html`<${FormDialog} title=${endpoint ? "Edit endpoint" : "Add endpoint"} submit=${endpoint ? "Save" : "Add"} onSubmit=${save} onClose=${onClose} wide>
    ${!endpoint && html`<${Field} label="How" hint="What is pulled from needs no address: events wait until they are fetched."><select name="mode" onChange=${(event) => setMode(event.currentTarget.value)}>
      <option value="push">push: events are sent</option><option value="pull">pull: events are fetched</option></select></${Field}>`}
    ${mode === "push" && html`<${Field} label="URL" hint="HTTPS; it must be reachable from here."><${Typed} name="url" type="text" required value=${old.url ?? ""} placeholder="https://example.com/webhooks" spellcheck=${false} /></${Field}>`}
    <${Field} label="Description"><${Typed} name="description" value=${old.description ?? ""} /></${Field}>
    <${Field} label="Event types" hint="Names, or a prefix with .*, separated by spaces. None means all."><${Typed} name="event_types" value=${(old.event_types ?? []).join(" ")} spellcheck=${false} placeholder="order.* invoice.paid" /></${Field}>
    <div class="columns">
      ${!session.owner && !endpoint && html`<${Field} label="Owner" hint="The partner whose it is."><input name="owner" /></${Field}>`}
      <${Field} label="Signature"><select name="signature">${["hmac", "ed25519"].map((one) => html`<option key=${one} selected=${old.signature === one}>${one}</option>`)}</select></${Field}>
      <${Field} label="Order"><select name="ordering">${["none", "fifo"].map((one) => html`<option key=${one} selected=${old.ordering === one}>${one}</option>`)}</select></${Field}>
      <${Field} label="Rate limit" hint="A second; none unless told."><${Typed} name="rate_limit" type="number" min="1" value=${old.rate_limit ?? ""} /></${Field}>
      <${Field} label="In flight at once"><${Typed} name="max_in_flight" type="number" min="1" max="1000" value=${old.max_in_flight ?? 50} /></${Field}>
      <${Field} label="Timeout" hint="Seconds, 1 to 30."><${Typed} name="timeout" type="number" min="1" max="30" value=${old.timeout ?? ""} placeholder="15" /></${Field}>
      <${Field} label="Trace" hint="Whether requests have a traceparent."><select name="send_traceparent">${["no", "yes"].map((one) => html`<option key=${one} selected=${(old.send_traceparent ? "yes" : "no") === one}>${one}</option>`)}</select></${Field}>
    </div>
    <${Field} label="Filter" hint="JSONPath on the data, such as $[?@.amount > 100]. None means every event."><${Typed} name="filter" value=${typeof old.filter === "string" ? old.filter : old.filter ? JSON.stringify(old.filter) : ""} spellcheck=${false} /></${Field}>
    ${mode === "push" && html`<${Field} label="Headers" hint="Sent with each request, a line each: Name: value. Values are masked once saved."><textarea name="headers" rows="2" spellcheck=${false}>${Object.entries(old.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n")}</textarea></${Field}>`}
  </${FormDialog}>`;
}

function wished(form, old) {
  const filter = form.get("filter").trim();
  const headers = Object.fromEntries((form.get("headers") ?? "").split("\n").filter((line) => line.includes(":")).map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
  for (const name of Object.keys(old.headers ?? {})) headers[name] ??= null; // a merge patch takes away what is null
  return {
    ...(form.has("mode") ? { mode: form.get("mode") } : {}),
    ...(form.has("url") ? { url: form.get("url").trim(), headers } : {}),
    description: orNull(form.get("description").trim()),
    event_types: orNone(list(form.get("event_types"))),
    signature: form.get("signature"),
    ordering: form.get("ordering"),
    rate_limit: whole(form.get("rate_limit")),
    max_in_flight: whole(form.get("max_in_flight")),
    timeout: whole(form.get("timeout")),
    send_traceparent: form.get("send_traceparent") === "yes",
    filter: filter.startsWith("{") ? typedIn(form, "filter") : orNull(filter),
    ...(form.get("owner") ? { owner: form.get("owner") } : {}),
  };
}

// What differs from `old`: the rest may have been changed by others since.
function changed(body, old) {
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name] ?? null)));
}

// The secret of an endpoint that was just made, or rotated: it is shown here once.
export function NewSecret({ endpoint, onClose }) {
  const [secret] = useState(endpoint.secret ?? endpoint.public_key);
  return html`<${Dialog} title="Signing secret" onClose=${onClose}><div class="prose pad">
    <p>Give it to the receiver, which verifies by it that a request comes from here. It can be read again by keys with the scope <code>secrets:read</code>.</p>
    <p class="secret"><code>${visible(secret)}</code><${Copy} text=${secret ?? ""} label="Copy the secret" /></p></div></${Dialog}>`;
}
