// One endpoint: how it is in words and numbers, what it has missed, and everything that can be done with it.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post, remove } from "../lib/api.js";
import { decimal, duration, milliseconds, number, percent } from "../lib/format.js";
import { useList, useLoad } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { where } from "../lib/words.js";
import { Badge, Button, Card, Empty, Facts, Failure, Head, Id, Line, Moment, Tabs } from "../parts/basics.js";
import { Latencies, Outcomes } from "../parts/chart.js";
import { Confirm } from "../parts/dialog.js";
import { DeliveryTable } from "../parts/delivery_table.js";
import { EndpointForm, NewSecret } from "../parts/endpoint_form.js";
import { Recover } from "../parts/recover.js";
import { SendTest } from "../parts/send_test.js";
import { state_in_words } from "../parts/endpoint_state.js";
import { toast } from "../parts/toasts.js";

export function Page({ id, session }) {
  const [window, setWindow] = useState("1h");
  const endpoint = useLoad(useCallback(() => get(`/v1/endpoints/${id}`), [id]), [id], 5000);
  const stats = useLoad(useCallback(() => (may("deliveries:read") ? get("/v1/stats", { window, endpoint_id: id }) : null), [id, window]), [id, window], 5000);
  const list = useList("/v1/deliveries", { endpoint_id: id, limit: 20 });
  const found = endpoint.data;
  if (!found) return html`<${Head} title="Endpoint" /><${Failure} error=${endpoint.error} retry=${endpoint.reload} />`;
  const { tone, title, text } = state_in_words(found, stats.data, list.items);
  return html`<${Head} label=${where(found.url)} title=${html`<${Line} text=${where(found.url)} code /> <${Badge} word=${found.status} />`}
      actions=${html`<${Actions} endpoint=${found} session=${session} onDone=${endpoint.reload} />`}>
      ${found.description && html`<p class="lead">${visible(found.description)}</p>`}</${Head}>
    <${Failure} error=${endpoint.error ?? stats.error} />
    <p class=${`notice ${tone}`}><strong>${title}</strong> ${text}</p>
    <div class="split"><div>
      <${Card} title="Settings"><${Settings} endpoint=${found} /></${Card}></div>
    <div>${stats.data && html`<${Card} title="Health" actions=${html`<${Tabs} label="Window" tabs=${[["1h", "1 h"], ["24h", "24 h"], ["7d", "7 days"]]} chosen=${window} onChoose=${setWindow} />`}>
      <${Health} stats=${stats.data} /></${Card}>`}</div></div>
    <${Card} title="Deliveries" actions=${html`<${Link} class="button" to="deliveries" query=${{ endpoint_id: id }}>See all</${Link}>`}>
      <${DeliveryTable} list=${{ ...list, cursor: null }} label="Deliveries of this endpoint" empty=${html`<${Empty} title="Nothing was sent yet">Send a test to see the first one.</${Empty}>`} /></${Card}>`;
}

function Health({ stats }) {
  const { total, backlog } = stats;
  return html`<div class="tiles">
      <div><span>Success</span><b>${percent(total.success_rate)}</b></div>
      <div><span>Attempts</span><b>${number(total.attempts.succeeded + total.attempts.failed + total.attempts.unknown)}</b></div>
      <div><span>p95</span><b>${milliseconds(total.latency_ms.p95)}</b></div>
      <div><span>Waiting</span><b>${number(backlog.waiting)}</b><small>${backlog.oldest_seconds ? `oldest due for ${duration(backlog.oldest_seconds)}` : "none is late"}</small></div>
    </div>
    <${Outcomes} spans=${stats.spans} seconds=${stats.span_seconds} /><${Latencies} spans=${stats.spans} />`;
}

function Settings({ endpoint }) {
  return html`<${Facts} rows=${[
    ["Endpoint", html`<${Id} id=${endpoint.id} />`],
    ["Events", endpoint.event_types?.length ? html`<code>${endpoint.event_types.join(", ")}</code>` : "all of clients, and task.*"],
    ["Owner", endpoint.owner && visible(endpoint.owner)],
    ["Signature", endpoint.signature === "hmac" ? "HMAC-SHA256 (v1)" : "Ed25519 (v1a)"],
    endpoint.public_key && ["Public key", html`<${Id} id=${endpoint.public_key} />`],
    ["Order", endpoint.ordering === "fifo" ? "as accepted, one after the other" : "none"],
    ["Rate", endpoint.rate_limit ? `${decimal(endpoint.rate_limit)} a second` : "not limited"],
    ["In flight", `${endpoint.max_in_flight} at once`],
    ["Timeout", `${endpoint.timeout} s`],
    ["Trace", endpoint.send_traceparent ? "told, as traceparent" : "not told"],
    ["Retries", endpoint.retry_policy.schedule.map((one) => duration(one)).join(", ")],
    ["Filter", endpoint.filter && html`<code>${visible(typeof endpoint.filter === "string" ? endpoint.filter : JSON.stringify(endpoint.filter))}</code>`],
    ["Headers", Object.keys(endpoint.headers).length ? html`<code>${visible(Object.keys(endpoint.headers).join(", "))}</code>` : null],
    ["Metadata", Object.keys(endpoint.metadata).length ? html`<code>${visible(JSON.stringify(endpoint.metadata))}</code>` : null],
    ["Made", html`<${Moment} at=${endpoint.created_at} />`],
  ]} />`;
}

function Actions({ endpoint, session, onDone }) {
  const [asked, ask] = useState(null);
  const [rotated, setRotated] = useState(null);
  if (!may("endpoints:write")) return null;
  const path = `/v1/endpoints/${endpoint.id}`;
  const close = () => ask(null);
  async function act(work, told) {
    await work();
    toast(told);
    close();
    onDone();
  }
  const running = endpoint.status === "enabled";
  const off = endpoint.status === "disabled" && { disabled: true, title: "Enable it first: a disabled endpoint takes nothing." };
  return html`
    <${Button} onClick=${() => ask("test")} ...${off || {}}>Send test</${Button}>
    <${Button} onClick=${() => ask("recover")} ...${off || {}}>Recover</${Button}>
    <${Button} kind=${off && "primary"} onClick=${() => act(() => post(`${path}/${running ? "pause" : "enable"}`), running ? "Paused: deliveries wait." : "Enabled.").catch((error) => toast(error.message, "bad"))}>${running ? "Pause" : "Enable"}</${Button}>
    <${Button} onClick=${() => ask("rotate")}>Rotate secret</${Button}>
    <${Button} onClick=${() => ask("delete")}>Delete</${Button}>
    <${Button} kind=${!off && "primary"} onClick=${() => ask("edit")}>Edit</${Button}>
    ${asked === "edit" && html`<${EndpointForm} endpoint=${endpoint} session=${session} onClose=${close} onSaved=${() => act(() => {}, "Saved.")} />`}
    ${asked === "test" && html`<${SendTest} endpoint=${endpoint} onClose=${close} />`}
    ${asked === "recover" && html`<${Recover} endpoint=${endpoint} onClose=${close} />`}
    ${asked === "rotate" && html`<${Confirm} title="Rotate the signing secret?" submit="Rotate" danger=${false} onClose=${close} onSubmit=${async () => {
      const made = await post(`${path}/secret/rotate`, {});
      close();
      setRotated({ ...endpoint, ...made });
    }}><p>For 24 hours every request is signed with the old secret and the new one, so that the receiver can change over.</p></${Confirm}>`}
    ${rotated && html`<${NewSecret} endpoint=${rotated} onClose=${() => setRotated(null)} />`}
    ${asked === "delete" && html`<${Confirm} title="Delete this endpoint?" submit="Delete" onClose=${close} onSubmit=${async () => {
      await remove(path);
      toast("Deleted.");
      go("endpoints");
    }}><p>What waits for it is cancelled. Its deliveries stay in the log.</p></${Confirm}>`}`;
}
