// One delivery: what happened, why it waits, what comes next; and each attempt with what was sent and answered.
import { html, useCallback, useRef, useState } from "../lib/ui.js";
import { get, post } from "../lib/api.js";
import { useLoad } from "../lib/load.js";
import { Link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { where } from "../lib/words.js";
import { Badge, Button, Card, Facts, Failure, Head, Id, Line, Moment } from "../parts/basics.js";
import { Attempt } from "../parts/attempt.js";
import { Confirm } from "../parts/dialog.js";
import { Timeline, summary } from "../parts/delivery_timeline.js";
import { toast } from "../parts/toasts.js";

const under_way = (data) => (data && !data.delivery.finished_at ? 1500 : 8000);

const MOST = 200; // latest attempts that are shown at least; a page of them holds fewer where their bodies are long

async function read(id, from) {
  const [delivery, attempts] = await Promise.all([get(`/v1/deliveries/${id}`), attemptsOf(id, from)]);
  return { delivery, attempts };
}

// Reads to the end, and leaves in `from` the cursor at which the latest begin: the next time, nothing older is read.
async function attemptsOf(id, from) {
  let kept = [];
  let cursor = from.current;
  do {
    const page = await get(`/v1/deliveries/${id}/attempts`, { limit: MOST, cursor });
    kept.push({ at: cursor, data: page.data });
    while (kept.slice(1).reduce((sum, one) => sum + one.data.length, 0) >= MOST) kept = kept.slice(1);
    cursor = page.next_cursor;
  } while (cursor);
  from.current = kept[0].at;
  return kept.flatMap((one) => one.data);
}

export function Page({ id }) {
  const from = useRef(undefined);
  const { data, error, reload } = useLoad(useCallback(() => read(id, from), [id]), [id], under_way);
  const [chosen, choose] = useState(null);
  if (!data) return html`<${Head} title="Delivery" /><${Failure} error=${error} retry=${reload} />`;
  const { delivery, attempts } = data;
  const older = chosen !== null && chosen < attempts[0]?.number;
  const shown = attempts.find((one) => one.number === chosen) ?? attempts.at(-1);
  return html`<${Head} label=${`${delivery.event_type} delivery`} title=${html`<span>${visible(delivery.event_type)}</span> <${Badge} word=${delivery.status} />`}
      actions=${html`<${Actions} delivery=${delivery} onDone=${reload} />`}>
      <p class="lead">${summary(delivery, attempts)}</p></${Head}>
    <${Failure} error=${error} />
    <div class="split"><div>
      <${Card} title="Timeline"><${Timeline} delivery=${delivery} attempts=${attempts} chosen=${older ? chosen : shown?.number} onChoose=${choose} /></${Card}>
      <${Card} title="About"><${About} delivery=${delivery} /></${Card}>
    </div>
    <div>${older
      ? html`<${Card} title=${`Attempt ${chosen}`}><p class="dim pad">What was sent and answered is shown of the latest attempts only. The API has all of them: <code>GET /v1/deliveries/${id}/attempts</code>.</p></${Card}>`
      : shown
      ? html`<${Attempt} key=${shown.id} attempt=${shown} />`
      : html`<${Card} title="Attempts"><p class="dim pad">Nothing was sent yet. The first attempt is shown here as soon as it has been made.</p></${Card}>`}</div></div>`;
}

function About({ delivery }) {
  return html`<${Facts} rows=${[
    ["Delivery", html`<${Id} id=${delivery.id} />`],
    ["Event", may("events:read") ? html`<${Link} to=${`events/${delivery.event_id}`}><code>${delivery.event_id}</code></${Link}>` : html`<${Id} id=${delivery.event_id} />`],
    delivery.endpoint_id && ["Endpoint", may("endpoints:read") ? html`<${Link} to=${`endpoints/${delivery.endpoint_id}`}><code>${delivery.endpoint_id}</code></${Link}>` : html`<${Id} id=${delivery.endpoint_id} />`],
    delivery.task_id && ["Task", may("tasks:read") ? html`<${Link} to=${`tasks/${delivery.task_id}`}><code>${delivery.task_id}</code></${Link}>` : html`<${Id} id=${delivery.task_id} />`],
    ["To", html`<${Line} text=${where(delivery.url)} code />`],
    ["Made", html`<${Moment} at=${delivery.created_at} />`],
    delivery.finished_at && ["Ended", html`<${Moment} at=${delivery.finished_at} />`],
  ]} />`;
}

function Actions({ delivery, onDone }) {
  const [asked, ask] = useState(null);
  if (!may("deliveries:write")) return null;
  async function act(verb, told) {
    await post(`/v1/deliveries/${delivery.id}/${verb}`);
    toast(told);
    ask(null);
    onDone();
  }
  const waits = !delivery.finished_at;
  return html`
    ${waits && html`<${Button} onClick=${() => ask("cancel")}>Cancel</${Button}>`}
    ${may("events:write") && delivery.endpoint_id && html`<${Button} onClick=${() => ask("replay")}>Replay event</${Button}>`}
    <${Button} kind="primary" onClick=${() => ask("resend")}>Resend</${Button}>
    ${asked === "cancel" && html`<${Confirm} title="Cancel this delivery?" submit="Cancel the delivery" onClose=${() => ask(null)} onSubmit=${() => act("cancel", "Cancelled.")}>
      <p>Nothing more is sent for it. A resend opens it again.</p></${Confirm}>`}
    ${asked === "resend" && html`<${Confirm} title="Send it again?" submit="Resend" danger=${false} onClose=${() => ask(null)} onSubmit=${() => act("resend", "Sent again: the new attempt appears in the timeline.")}>
      <p>One attempt is made at once, past pause, breaker and order, with the same <code>webhook-id</code> and the same bytes.
      ${delivery.status === "succeeded" ? " It had succeeded, and stays so." : " If it fails, the schedule starts again."}</p></${Confirm}>`}
    ${asked === "replay" && html`<${Confirm} title="Replay the event to this endpoint?" submit="Replay" danger=${false} onClose=${() => ask(null)}
      onSubmit=${async () => {
        await post(`/v1/events/${delivery.event_id}/replay`, { endpoint_id: delivery.endpoint_id });
        toast("Replayed: a new delivery was made.");
        ask(null);
      }}><p>A new delivery is made of the same event, subscribed or not. This one stays as it is.</p></${Confirm}>`}`;
}
