// How everything is, at a glance: what flows, what fails, what waits.
import { html, useCallback, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { decimal, duration, milliseconds, number, percent } from "../lib/format.js";
import { useList, useLoad } from "../lib/load.js";
import { Link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { ERRORS, where } from "../lib/words.js";
import { Badge, Bar, Card, Empty, Failure, Head, Line, Moment, Tabs } from "../parts/basics.js";
import { Latencies, Outcomes } from "../parts/chart.js";
import { DeliveryTable } from "../parts/delivery_table.js";

const WINDOWS = [["1h", "1 hour"], ["24h", "24 hours"], ["7d", "7 days"]];

export function Page() {
  const [window, setWindow] = useState("1h");
  const { data: stats, error, reload } = useLoad(useCallback(() => get("/v1/stats", { window }), [window]), [window], 5000);
  const failed = useList("/v1/deliveries", { status: "exhausted", limit: 5 }, { every: 10000 });
  const tabs = html`<${Tabs} label="Window" tabs=${WINDOWS} chosen=${window} onChoose=${setWindow} />`;
  if (!stats) return html`<${Head} title="Overview" actions=${tabs} /><${Failure} error=${error} retry=${reload} />`;
  return html`<${Head} title="Overview" actions=${tabs} />
    <${Failure} error=${error} />
    <${Tiles} stats=${stats} />
    <div class="pair">
      <${Card} title="Attempts"><${Outcomes} spans=${stats.spans} seconds=${stats.span_seconds} /></${Card}>
      <${Card} title="Latency"><${Latencies} spans=${stats.spans} /></${Card}>
    </div>
    <div class="split wide-left"><div><${Card} title="Failing endpoints" actions=${may("endpoints:read") && html`<${Link} class="button" to="endpoints">All endpoints</${Link}>`}><${Failing} endpoints=${stats.failing} /></${Card}></div>
    <div><${Card} title="Why attempts failed"><${Errors} errors=${stats.total.errors} failed=${stats.total.attempts.failed} /></${Card}></div></div>
    ${(failed.items.length > 0 || failed.error) && html`<${Card} title="Lately given up" actions=${html`<${Link} class="button" to="deliveries" query=${{ status: "exhausted" }}>See all</${Link}>`}><${DeliveryTable} list=${{ ...failed, cursor: null }} label="Deliveries that were given up" /></${Card}>`}`;
}

function Tiles({ stats }) {
  const { total, backlog, spans } = stats;
  const lately = spans.slice(-2);
  const minutes = Math.max((Date.now() - new Date(lately[0].at)) / 60000, 1);
  const last = lately.reduce((sum, one) => sum + one.succeeded + one.failed + one.unknown, 0) / minutes;
  const rate = (total.attempts.succeeded + total.attempts.failed + total.attempts.unknown) / Math.max((Date.now() - new Date(total.since)) / 60000, 1);
  const bad = total.success_rate !== null && total.success_rate < 0.9;
  return html`<div class="tiles main">
    ${stats.events_per_minute !== null && html`<div><span>Events per minute</span><b>${decimal(stats.events_per_minute)}</b><small>over the last five</small></div>`}
    <div><span>Deliveries per minute</span><b>${decimal(last)}</b><small>over the last ${duration(minutes * 60)}; ${decimal(rate)} in all</small></div>
    <div class=${bad ? "bad" : ""}><span>Success rate</span><b>${percent(total.success_rate)}</b><small>${number(total.attempts.failed)} of ${number(total.attempts.failed + total.attempts.succeeded)} attempts failed</small></div>
    <div><span>Latency, half in</span><b>${milliseconds(total.latency_ms.p50)}</b><small>95 % in ${milliseconds(total.latency_ms.p95)}, 99 % in ${milliseconds(total.latency_ms.p99)}</small></div>
    <div class=${backlog.oldest_seconds > 60 ? "bad" : ""}><span>Waiting</span><b>${backlog.waiting >= 10000 ? "10,000+" : number(backlog.waiting)}</b><small>${backlog.oldest_seconds ? `oldest due for ${duration(backlog.oldest_seconds)}` : "none is late"}</small></div>
  </div>`;
}

function Failing({ endpoints }) {
  if (!endpoints.length) return html`<${Empty} title="None fails">No attempt failed in this window.</${Empty}>`;
  return html`<ul class="failing">${endpoints.map((one) => html`<li key=${one.id}>
    <div class="grow">${may("endpoints:read") ? html`<${Link} to=${`endpoints/${one.id}`} class="strong"><${Line} text=${where(one.url)} code /></${Link}>` : html`<${Line} text=${where(one.url)} code />`}
      <span class="dim">${one.failing_since ? html`fails since <${Moment} at=${one.failing_since} relative />` : one.description ? visible(one.description) : "now and then"}</span></div>
    ${one.status !== "enabled" && html`<${Badge} word=${one.status} />`}
    <span class="health"><${Bar} share=${one.success_rate} label=${`Success rate of ${visible(where(one.url))}`} /> ${percent(one.success_rate)}</span>
    <span class="dim mono">${number(one.failed)} failed</span></li>`)}</ul>`;
}

function Errors({ errors, failed }) {
  const found = Object.entries(errors).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  if (!found.length) return html`<${Empty} title="No errors">Every attempt that ended was taken.</${Empty}>`;
  return html`<ul class="errors">${found.map(([name, count]) => html`<li key=${name} title=${ERRORS[name]?.[1]}>
    <${Link} to="deliveries" query=${{ error: name }}>${ERRORS[name]?.[0] ?? name}</${Link}><${Bar} share=${count / Math.max(failed, 1)} label=${`Share of ${name}`} /><b>${number(count)}</b></li>`)}</ul>`;
}
