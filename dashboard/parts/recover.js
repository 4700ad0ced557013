// Recover: first how many there are, then the task that reopens them, with its progress.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post } from "../lib/api.js";
import { LAST, fromLocal, local, number } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { may } from "../lib/session.js";
import { Failure } from "./basics.js";
import { Field, FormDialog } from "./dialog.js";

const DAY = 86400000;
const ENDED = ["SUCCESS", "FAILURE", "REVOKED"];

export function Recover({ endpoint, onClose }) {
  const [since, setSince] = useState(local(Date.now() - DAY));
  const [until, setUntil] = useState("");
  const [task, setTask] = useState(null);
  const path = `/v1/endpoints/${endpoint.id}/recover`;
  const counts = may("deliveries:read");
  const window = () => ({ since: fromLocal(since), until: fromLocal(until) });
  const preview = useLoad(useCallback(() => (counts ? get(path, window()) : null), [since, until]), [since, until], task ? 0 : 5000);
  const run = useLoad(useCallback(() => (task ? get(`/v1/tasks/${task.task_id}`) : null), [task]), [task],
    (known) => (task && !(known?.task_id === task.task_id && ENDED.includes(known.status)) ? 500 : 0));
  const count = preview.data?.count;
  async function start() {
    setTask(await post(path, window(), { prefer: "respond-async" }));
  }
  return html`<${FormDialog} title="Recover what was missed" submit=${task ? "Recover again" : "Recover"} onSubmit=${start} onClose=${onClose}>
    <p class="prose">Reopens every delivery of this window that was given up, or was cancelled because the endpoint was disabled.</p>
    <div class="columns">
      <${Field} label="Made from"><input type="datetime-local" max=${LAST} required value=${since} onInput=${(event) => setSince(event.currentTarget.value)} /></${Field}>
      <${Field} label="Until" hint="Now, unless told."><input type="datetime-local" max=${LAST} value=${until} onInput=${(event) => setUntil(event.currentTarget.value)} /></${Field}>
    </div>
    <${Failure} error=${preview.error} />
    ${counts && !preview.error && html`<p class="preview" role="status">${count === undefined || count === null ? "Counting…" : count === 0 && !task ? "There is nothing to recover in this window." : html`<b>${count >= 10000 ? "10,000 or more" : number(count)}</b> ${count === 1 ? "delivery" : "deliveries"} to reopen`}</p>`}
    ${task && html`<${Progress} task=${run.data?.task_id === task.task_id ? run.data : task} />`}
  </${FormDialog}>`;
}

function Progress({ task }) {
  const { current = 0, total } = task.progress ?? {};
  const ended = task.status === "SUCCESS";
  const text = ended ? `Done: ${number(task.result?.reopened ?? current)} reopened.` : task.error ? `${task.error.title}: ${task.error.detail}` : `${number(current)} of ${number(total ?? 0)} reopened`;
  return html`<div class="progress" role="status"><progress max=${total || 1} value=${ended ? total || 1 : current} aria-label="Recovered"></progress><span>${text}</span></div>`;
}
