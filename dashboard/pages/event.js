// One event: its data, and the deliveries that it made.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post, remove } from "../lib/api.js";
import { exactly } from "../lib/exact.js";
import { useList, useLoad } from "../lib/load.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Button, Card, Empty, Facts, Failure, Head, Id, Moment } from "../parts/basics.js";
import { Payload } from "../parts/code.js";
import { DeliveryTable } from "../parts/delivery_table.js";
import { Confirm } from "../parts/dialog.js";
import { toast } from "../parts/toasts.js";

export function Page({ id }) {
  const { data: event, error, reload } = useLoad(useCallback(() => get(`/v1/events/${id}`), [id]), [id]);
  if (!event) return html`<${Head} title="Event" /><${Failure} error=${error} retry=${reload} />`;
  return html`<${Head} title=${visible(event.type)} actions=${html`<${Actions} event=${event} onDone=${reload} />`}>
      <p class="lead">Made ${event.deliveries} ${event.deliveries === 1 ? "delivery" : "deliveries"}, <${Moment} at=${event.created_at} relative />.</p></${Head}>
    <${Failure} error=${error} />
    <div class="split"><div><${Card} title="About"><${Facts} rows=${[
      ["Event", html`<${Id} id=${event.id} />`],
      ["Client's ID", event.client_id && html`<code>${visible(event.client_id)}</code>`],
      ["Happened", html`<${Moment} at=${event.timestamp} />`],
      ["Ordering key", event.ordering_key && html`<code>${visible(event.ordering_key)}</code>`],
      ["Attributes", event.attributes && html`<code>${visible(JSON.stringify(event.attributes))}</code>`],
      event.erased_at && ["Erased", html`<${Moment} at=${event.erased_at} />`],
    ]} /></${Card}></div>
    <div><${Card} title="Data">${event.erased_at
      ? html`<p class="dim pad">The payload was erased. The record stays.</p>`
      : html`<${Payload} text=${exactly(event, "data")} label="the event's data" />`}</${Card}></div></div>
    ${may("deliveries:read") && html`<${Deliveries} id=${id} />`}`;
}

function Deliveries({ id }) {
  const list = useList(`/v1/events/${id}/deliveries`, {}, { every: 2000 });
  return html`<${Card} title="Deliveries"><${DeliveryTable} list=${list} label="Deliveries of this event"
    empty=${html`<${Empty} title="It went nowhere">No endpoint subscribed to its type when it came. Replay it once there is one.</${Empty}>`} /></${Card}>`;
}

function Actions({ event, onDone }) {
  const [asked, ask] = useState(null);
  if (!may("events:write") || event.erased_at) return null;
  const close = () => ask(null);
  return html`<${Button} onClick=${() => ask("erase")}>Erase payload</${Button}>
    <${Button} kind="primary" onClick=${() => ask("replay")}>Replay</${Button}>
    ${asked === "replay" && html`<${Confirm} title="Replay this event?" submit="Replay" danger=${false} onClose=${close} onSubmit=${async () => {
      await post(`/v1/events/${event.id}/replay`, {});
      toast("Replayed: new deliveries were made.");
      close();
      onDone();
    }}><p>New deliveries are made for every endpoint that subscribes to it now. The old ones stay as they are.</p></${Confirm}>`}
    ${asked === "erase" && html`<${Confirm} title="Erase the payload for good?" submit="Erase" onClose=${close} onSubmit=${async () => {
      await remove(`/v1/events/${event.id}/payload`);
      toast("Erased.");
      close();
      onDone();
    }}><p>Its data goes everywhere, bodies of answers included, and what waits is cancelled. This cannot be undone.</p></${Confirm}>`}`;
}
