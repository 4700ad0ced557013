// One task: its way from waiting to its end, its progress as it moves, its result, and who was told.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post, remove } from "../lib/api.js";
import { exactly } from "../lib/exact.js";
import { duration, number, seconds } from "../lib/format.js";
import { useList, useLoad } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Badge, Button, Card, Empty, Facts, Failure, Head, Id, Line, Moment } from "../parts/basics.js";
import { Payload } from "../parts/code.js";
import { DeliveryTable } from "../parts/delivery_table.js";
import { Confirm } from "../parts/dialog.js";
import { toast } from "../parts/toasts.js";

export function Page({ id }) {
  const { data: task, error, reload } = useLoad(useCallback(() => get(`/v1/tasks/${id}`), [id]), [id], (known) => (known?.finished_at ? 0 : 700));
  if (!task) return html`<${Head} title="Task" /><${Failure} error=${error} retry=${reload} />`;
  return html`<${Head} label=${`${task.type} task`} title=${html`<span>${visible(task.type)}</span> <${Badge} word=${task.status} />`} actions=${html`<${Actions} task=${task} onDone=${reload} />`}>
      <p class="lead">${summary(task)}</p></${Head}>
    <${Failure} error=${error} />
    <${Progress} task=${task} />
    <div class="split"><div>
      <${Card} title="Timeline"><${Timeline} task=${task} /></${Card}>
      <${Card} title="About"><${About} task=${task} /></${Card}></div>
    <div>
      <${Card} title="Input">${task.input === null ? html`<p class="dim pad">Erased.</p>` : html`<${Payload} text=${exactly(task, "input")} label="the input" />`}</${Card}>
      <${Result} task=${task} /></div></div>
    ${may("deliveries:read") && html`<${Callbacks} task=${task} />`}`;
}

function summary(task) {
  const took = task.started_at && task.finished_at ? duration(seconds(task.started_at, task.finished_at)) : null;
  return {
    PENDING: "It waits for a worker.",
    STARTED: "A worker runs it.",
    PROGRESS: "A worker runs it.",
    RETRY: `Run ${task.attempts} of ${task.max_attempts} failed; another follows.`,
    SUCCESS: `It succeeded in ${took}, at run ${task.attempts}.`,
    FAILURE: `It failed${took ? ` after ${took}` : ""}, at run ${task.attempts} of ${task.max_attempts}.`,
    REVOKED: task.error?.code === "expired" ? "It waited too long, and was revoked." : "It was cancelled.",
  }[task.status];
}

function Progress({ task }) {
  if (!task.progress) return null;
  const { current, total, message } = task.progress;
  const ended = Boolean(task.finished_at);
  return html`<div class="progress card pad" role=${ended ? undefined : "status"}><progress max=${total ?? 1} value=${total ? current : undefined} aria-label="Progress"></progress>
    <span>${number(current)}${total ? ` of ${number(total)}` : ""}${message ? ` · ${visible(message)}` : ""}</span></div>`;
}

function Timeline({ task }) {
  const waited = task.started_at && seconds(task.created_at, task.started_at);
  const ran = task.started_at && seconds(task.started_at, task.finished_at ?? Date.now());
  const again = task.attempts > 1 && html`<li class="made failed"><span class="dot"></span><div><strong>${task.attempts - 1} earlier ${task.attempts === 2 ? "run" : "runs"} failed</strong></div></li>`;
  return html`<ol class="timeline">
    <li class="done"><span class="dot"></span><div><strong>Submitted</strong><p class="dim"><${Moment} at=${task.created_at} /></p></div></li>
    ${again}
    ${task.started_at
      ? html`<li class="made succeeded"><span class="dot"></span><div>${task.attempts <= 1 && html`<p class="gap">waited ${duration(Math.max(waited, 0))} for a worker</p>`}<strong>Run ${task.attempts} started</strong><p class="dim"><${Moment} at=${task.started_at} /></p></div></li>`
      : !task.finished_at && html`<li class="planned"><span class="dot"></span><div><strong>Waits for a worker</strong></div></li>`}
    ${task.started_at && !task.finished_at && html`<li class="planned"><span class="dot busy"></span><div><strong>${task.status === "RETRY" ? "Waits for its next run" : "Runs"}</strong><p class="dim">for ${duration(Math.max(ran, 0))} so far</p></div></li>`}
    ${task.finished_at && html`<li class=${`end ${{ SUCCESS: "succeeded", FAILURE: "exhausted" }[task.status] ?? "cancelled"}`}><span class="dot"></span><div>${ran !== null && html`<p class="gap">ran ${duration(Math.max(ran ?? 0, 0))}</p>`}
      <strong>${{ SUCCESS: "Succeeded", FAILURE: "Failed", REVOKED: "Revoked" }[task.status]}</strong><p class="dim"><${Moment} at=${task.finished_at} /></p></div></li>`}
  </ol>`;
}

function About({ task }) {
  return html`<${Facts} rows=${[
    ["Task", html`<${Id} id=${task.task_id} />`],
    ["Runs", `${task.attempts} of ${task.max_attempts} at most`],
    task.retry_of && ["Again of", html`<${Link} to=${`tasks/${task.retry_of}`}><code>${task.retry_of}</code></${Link}>`],
    ["Unique key", task.unique_key && html`<code>${visible(task.unique_key)}</code>`],
    ["Tells", task.webhook_url && html`<${Line} text=${task.webhook_url} code />`],
    ["Metadata", Object.keys(task.metadata).length ? html`<code>${visible(JSON.stringify(task.metadata))}</code>` : null],
  ]} />`;
}

function Result({ task }) {
  if (task.error) {
    return html`<${Card} title="Error"><div class="pad"><p><strong>${visible(task.error.title ?? "")}</strong> <code>${visible(task.error.code)}</code></p><p>${visible(task.error.detail ?? "")}</p></div></${Card}>`;
  }
  if (!task.finished_at) return html`<${Card} title="Result"><p class="dim pad">Not there yet.</p></${Card}>`;
  return html`<${Card} title="Result"><${Payload} text=${exactly(task, "result")} label="the result" /></${Card}>`;
}

function Callbacks({ task }) {
  const list = useList(`/v1/tasks/${task.task_id}/deliveries`, {}, { every: 2000 });
  return html`<${Card} title="Callbacks"><${DeliveryTable} list=${list} label="Callbacks of this task"
    empty=${html`<${Empty} title="Nobody was told">Its end is told to endpoints that subscribe to task.*, and to its own URL.</${Empty}>`} /></${Card}>`;
}

function Actions({ task, onDone }) {
  const [asked, ask] = useState(null);
  if (!may("tasks:write")) return null;
  const path = `/v1/tasks/${task.task_id}`;
  const close = () => ask(null);
  const ended = Boolean(task.finished_at);
  return html`<${Button} onClick=${() => ask("erase")}>Erase</${Button}>
    ${ended
      ? html`<${Button} kind="primary" onClick=${() => ask("retry")}>Run again</${Button}>`
      : html`<${Button} kind="danger" onClick=${() => ask("cancel")}>Cancel</${Button}>`}
    ${asked === "cancel" && html`<${Confirm} title="Cancel this task?" submit="Cancel the task" onClose=${close} onSubmit=${async () => {
      await post(`${path}/cancel`);
      toast("Cancelled.");
      close();
      onDone();
    }}><p>If it waits, it never runs. If it runs, it is stopped.</p></${Confirm}>`}
    ${asked === "retry" && html`<${Confirm} title="Run it again?" submit="Run again" danger=${false} onClose=${close} onSubmit=${async () => {
      const made = await post(`${path}/retry`);
      close();
      go(`tasks/${made.task_id}`);
    }}><p>A new task with the same input is made.</p></${Confirm}>`}
    ${asked === "erase" && html`<${Confirm} title="Erase this task?" submit="Erase" onClose=${close} onSubmit=${async () => {
      await remove(path);
      toast("Erased.");
      close();
      onDone();
    }}><p>It is cancelled if it is still under way. Its input, result and progress, and the payloads of its events, go for good; the record stays.</p></${Confirm}>`}`;
}
