// The catalogue of event types.
import { html, useState } from "../lib/ui.js";
import { put } from "../lib/api.js";
import { typedIn, written } from "../lib/exact.js";
import { useList } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Button, Empty, Head, Line, Moment } from "../parts/basics.js";
import { Field, FormDialog } from "../parts/dialog.js";
import { ListTable } from "../parts/list.js";
import { Typed } from "../parts/typed.js";

const COLUMNS = [
  ["Type", (one) => html`<${Link} to=${`event-types/${one.name}`} class="strong">${visible(one.name)}</${Link}>`],
  ["Description", (one) => html`<${Line} text=${one.description ?? ""} />`, "grow"],
  ["Schema", (one) => (one.schema ? "checked" : html`<span class="dim">none</span>`)],
  ["Changed", (one) => html`<${Moment} at=${one.updated_at} />`, "time"],
];

export function Page() {
  const list = useList("/v1/event-types", {}, { every: 10000, key: "name" });
  const [making, make] = useState(false);
  return html`<${Head} title="Event types" actions=${may("events:write") && html`<${Button} kind="primary" icon="plus" onClick=${() => make(true)}>Describe a type</${Button}>`} />
    <${ListTable} list=${list} columns=${COLUMNS} label="Event types" keyOf=${(one) => one.name} onRow=${(one) => go(`event-types/${one.name}`)}
      empty=${html`<${Empty} title="No type is described yet">Describe a type to tell partners what they get, and to check what is sent against a schema.</${Empty}>`} />
    ${making && html`<${TypeForm} onClose=${() => make(false)} />`}`;
}

export function TypeForm({ type, onClose, onSaved }) {
  async function save(form) {
    const name = type?.name ?? form.get("name").trim();
    const body = { description: form.get("description").trim() || null, schema: read(form, "schema"), example: read(form, "example") };
    await put(`/v1/event-types/${encodeURIComponent(name)}`, body);
    onClose();
    if (onSaved) onSaved();
    else go(`event-types/${name}`);
  }
  const text = (name) => (type ? written(type, name) : "");
  return html`<${FormDialog} title=${type ? "Edit type" : "Describe a type"} submit="Save" onSubmit=${save} onClose=${onClose} wide>
    ${!type && html`<${Field} label="Name"><input name="name" required placeholder="order.paid" spellcheck=${false} /></${Field}>`}
    <${Field} label="Description"><${Typed} name="description" value=${type?.description ?? ""} /></${Field}>
    <${Field} label="Schema" hint="JSON Schema 2020-12. Events that do not fit it are refused."><textarea name="schema" rows="7" class="mono" spellcheck=${false}>${text("schema")}</textarea></${Field}>
    <${Field} label="Example" hint="Sent by tests."><textarea name="example" rows="5" class="mono" spellcheck=${false}>${text("example")}</textarea></${Field}>
  </${FormDialog}>`;
}

function read(form, name) {
  return form.get(name).trim() ? typedIn(form, name) : null;
}
