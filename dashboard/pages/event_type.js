// One event type: what it means, its schema, its example, and sending one.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, remove } from "../lib/api.js";
import { exactly, written } from "../lib/exact.js";
import { useLoad } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Button, Card, Failure, Head } from "../parts/basics.js";
import { Payload } from "../parts/code.js";
import { Confirm } from "../parts/dialog.js";
import { toast } from "../parts/toasts.js";
import { SendEvent } from "./events.js";
import { TypeForm } from "./event_types.js";

export function Page({ id }) {
  const path = `/v1/event-types/${encodeURIComponent(id)}`;
  const { data: type, error, reload } = useLoad(useCallback(() => get(path), [id]), [id]);
  const [asked, ask] = useState(null);
  if (!type) return html`<${Head} title=${visible(id)} /><${Failure} error=${error} retry=${reload} />`;
  const close = () => ask(null);
  const actions = may("events:write") && html`<${Button} onClick=${() => ask("forget")}>Forget</${Button}>
    <${Button} onClick=${() => ask("edit")}>Edit</${Button}><${Button} kind="primary" onClick=${() => ask("send")}>Send a test</${Button}>`;
  return html`<${Head} title=${visible(type.name)} actions=${actions}>
      <p class="lead">${visible(type.description ?? "Not described.")} <${Link} to="events" query=${{ type: type.name }}>See its events</${Link}></p></${Head}>
    <div class="pair">
      <${Card} title="Schema">${type.schema ? html`<${Payload} text=${exactly(type, "schema")} label="the schema" />` : html`<p class="dim pad">None: whatever is sent is taken.</p>`}</${Card}>
      <${Card} title="Example">${type.example !== null ? html`<${Payload} text=${exactly(type, "example")} label="the example" />` : html`<p class="dim pad">None.</p>`}</${Card}>
    </div>
    ${asked === "send" && html`<${SendEvent} type=${type.name} example=${written(type, "example") || "{}"} onClose=${close} />`}
    ${asked === "edit" && html`<${TypeForm} type=${type} onClose=${close} onSaved=${reload} />`}
    ${asked === "forget" && html`<${Confirm} title="Forget this description?" submit="Forget" onClose=${close} onSubmit=${async () => {
      await remove(path);
      toast("Forgotten.");
      go("event-types");
    }}><p>Events of this type are taken all the same, and no longer checked.</p></${Confirm}>`}`;
}
