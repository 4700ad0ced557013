// All endpoints, and how each is.
import { html, useEffect, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { percent } from "../lib/format.js";
import { useList } from "../lib/load.js";
import { Link, go } from "../lib/router.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { where } from "../lib/words.js";
import { Badge, Bar, Button, Empty, Head, Line, Moment } from "../parts/basics.js";
import { EndpointForm, NewSecret } from "../parts/endpoint_form.js";
import { Filters, ListTable } from "../parts/list.js";

const COLUMNS = [
  ["Status", (one) => html`<${Badge} word=${one.status} />`, "narrow"],
  ["URL", (one) => html`<${Link} to=${`endpoints/${one.id}`} class="strong"><${Line} text=${where(one.url)} code /></${Link}>
    ${one.description && html`<span class="dim"><${Line} text=${one.description} /></span>`}`, "grow"],
  ["Events", (one) => html`<${Line} text=${(one.event_types ?? []).join(", ") || "all"} />`],
  ["Owner", (one) => (one.owner ? html`<${Line} text=${one.owner} />` : html`<span class="dim">–</span>`)],
  ["Last 24 h", (one) => html`<${Health} id=${one.id} />`],
  ["Made", (one) => html`<${Moment} at=${one.created_at} />`, "time"],
];

export function Page({ query, session }) {
  const list = useList("/v1/endpoints", query, { every: 8000 });
  const [making, make] = useState(false);
  const [made, setMade] = useState(null);
  const fields = [["status", "Status", ["enabled", "paused", "disabled"]], ...(session.owner ? [] : [["owner", "Owner", "text"]])];
  const add = may("endpoints:write") && html`<${Button} kind="primary" icon="plus" onClick=${() => make(true)}>Add endpoint</${Button}>`;
  const empty = html`<${Empty} title=${Object.keys(query).length ? "Nothing fits these filters" : "No endpoint yet"}>
    An endpoint is a URL that events are sent to. ${add && "Add one, and send it a test."}</${Empty}>`;
  return html`<${Head} title="Endpoints" actions=${add} />
    <${Filters} path="endpoints" query=${query} fields=${fields} />
    <${ListTable} list=${list} label="Endpoints" onRow=${(one) => go(`endpoints/${one.id}`)} empty=${empty}
      columns=${session.owner ? COLUMNS.filter(([head]) => head !== "Owner") : COLUMNS} />
    ${making && html`<${EndpointForm} session=${session} onClose=${() => make(false)} onSaved=${(endpoint) => {
      make(false);
      setMade(endpoint);
      list.reload();
    }} />`}
    ${made && html`<${NewSecret} endpoint=${made} onClose=${() => go(`endpoints/${made.id}`)} />`}`;
}

function Health({ id }) {
  const [day, setDay] = useState(null);
  useEffect(() => {
    let wanted = true;
    get(`/v1/endpoints/${id}/stats`).then((stats) => wanted && setDay(stats.windows["24h"]), () => {});
    return () => {
      wanted = false;
    };
  }, [id]);
  if (!day || day.success_rate === null) return html`<span class="dim">${day ? "nothing sent" : "…"}</span>`;
  const { succeeded, failed } = day.attempts;
  return html`<span class="health" title=${`${visible(succeeded)} succeeded, ${visible(failed)} failed`}><${Bar} share=${day.success_rate} label="Success rate of 24 hours" /> ${percent(day.success_rate)}</span>`;
}
