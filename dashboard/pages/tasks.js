// All tasks, by filters that live in the address; and starting one.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post } from "../lib/api.js";
import { exact, typedIn } from "../lib/exact.js";
import { duration, seconds } from "../lib/format.js";
import { useList, useLoad } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Badge, Button, Empty, Head, Id, Moment } from "../parts/basics.js";
import { Field, FormDialog } from "../parts/dialog.js";
import { Filters, ListTable } from "../parts/list.js";

const FIELDS = [
  ["status", "Status", ["PENDING", "STARTED", "PROGRESS", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]],
  ["type", "Type", "text", "reports.generate"],
  ["created_after", "From", "time"],
  ["created_before", "Until", "time"],
];
const COLUMNS = [
  ["Status", (one) => html`<${Badge} word=${one.status} />`, "narrow"],
  ["Type", (one) => html`<${Link} to=${`tasks/${one.task_id}`} class="strong">${visible(one.type)}</${Link}>`],
  ["Progress", (one) => html`<${Progress} task=${one} />`, "grow"],
  ["Runs", (one) => `${one.attempts}/${one.max_attempts}`, "number"],
  ["Took", (one) => html`<span class="mono">${one.started_at && one.finished_at ? duration(seconds(one.started_at, one.finished_at)) : "–"}</span>`, "number"],
  ["Task", (one) => html`<${Id} id=${one.task_id}>…${one.task_id.slice(-6)}</${Id}>`],
  ["Made", (one) => html`<${Moment} at=${one.created_at} />`, "time"],
];

function Progress({ task }) {
  if (task.error) return html`<span class="bad-text">${visible(task.error.title ?? task.error.code)}</span>`;
  if (!task.progress || task.finished_at) return html`<span class="dim">${task.finished_at ? "" : "–"}</span>`;
  const { current, total, message } = task.progress;
  return html`<span class="health"><progress class="bar" max=${total ?? 1} value=${total ? current : undefined} aria-label="Progress"></progress> ${visible(message ?? "")}</span>`;
}

export function Page({ query }) {
  const list = useList("/v1/tasks", query, { every: 2000, key: "task_id" });
  const [starting, start] = useState(false);
  const empty = html`<${Empty} title=${Object.keys(query).length ? "Nothing fits these filters" : "No tasks yet"}>Start one here, or by <code>POST /v1/tasks</code>.</${Empty}>`;
  return html`<${Head} title="Tasks" actions=${may("tasks:write") && html`<${Button} kind="primary" icon="plus" onClick=${() => start(true)}>Start task</${Button}>`} />
    <${Filters} path="tasks" query=${query} fields=${FIELDS} />
    <${ListTable} list=${list} columns=${COLUMNS} label="Tasks" keyOf=${(one) => one.task_id} onRow=${(one) => go(`tasks/${one.task_id}`)} empty=${empty} />
    ${starting && html`<${Start} onClose=${() => start(false)} />`}`;
}

function Start({ onClose }) {
  const { data } = useLoad(useCallback(async () => exact(await get("/v1/task-types"), "data"), []), []);
  const [name, setName] = useState("");
  const types = data ?? [];
  const chosen = types.find((one) => one.name === name) ?? types[0];
  async function start(form) {
    const body = { type: form.get("type"), input: typedIn(form, "input"), webhook_url: form.get("webhook_url").trim() || undefined };
    const made = await post("/v1/tasks", body, { prefer: "respond-async" });
    go(`tasks/${made.task_id}`);
  }
  return html`<${FormDialog} title="Start a task" submit="Start" onSubmit=${start} onClose=${onClose} wide>
    <${Field} label="Type" hint=${chosen?.description}><select name="type" onChange=${(event) => setName(event.currentTarget.value)}>
      ${types.map((one) => html`<option key=${one.name} selected=${one === chosen}>${one.name}</option>`)}</select></${Field}>
    <${Field} label="Input" hint="JSON, as the type's schema asks for."><textarea key=${chosen?.name} name="input" rows="6" class="mono" spellcheck=${false}>${chosen ? JSON.stringify(sample(chosen.input_schema), null, 2) : ""}</textarea></${Field}>
    <${Field} label="Tell this URL of its end"><input name="webhook_url" placeholder="https://example.com/done" spellcheck=${false} /></${Field}>
  </${FormDialog}>`;
}

// The least input that a schema allows.
function sample(schema) {
  const made = {};
  for (const name of schema.required ?? []) {
    const field = schema.properties?.[name] ?? {};
    made[name] = field.examples?.[0] ?? field.default ?? { string: "text", integer: 1, number: 1, boolean: false, array: [], object: {} }[field.type] ?? null;
  }
  return made;
}
