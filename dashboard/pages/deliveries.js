// All deliveries, by filters that live in the address.
import { html } from "../lib/ui.js";
import { address } from "../lib/api.js";
import { useList } from "../lib/load.js";
import { Link } from "../lib/router.js";
import { may } from "../lib/session.js";
import { ERRORS } from "../lib/words.js";
import { Empty, Head } from "../parts/basics.js";
import { DeliveryTable } from "../parts/delivery_table.js";
import { Filters } from "../parts/list.js";

const FIELDS = [
  ["status", "Status", ["pending", "retrying", "succeeded", "exhausted", "cancelled"]],
  ["event_type", "Event type", "text"],
  ["response_code", "Answer", "text"],
  ["error", "Error", Object.keys(ERRORS)],
  ["endpoint_id", "Endpoint", "text"],
  ["created_after", "From", "time"],
  ["created_before", "Until", "time"],
];

export function Page({ query }) {
  const list = useList("/v1/deliveries", query);
  const filtered = Object.keys(query).length > 0;
  const empty = filtered
    ? html`<${Empty} title="Nothing fits these filters">Take one away, or widen the time.</${Empty}>`
    : html`<${Empty} title="Nothing was sent yet">Register ${may("endpoints:write") ? html`an <${Link} to="endpoints">endpoint</${Link}>` : "an endpoint"}, and send it a test.</${Empty}>`;
  return html`<${Head} title="Deliveries" actions=${html`<${Export} query=${query} />`} />
    <${Filters} path="deliveries" query=${query} fields=${FIELDS} />
    <${DeliveryTable} list=${list} empty=${empty} />`;
}

function Export({ query }) {
  return html`<a class="button" href=${address("/v1/deliveries/export", { ...query, format: "csv" })} download>Export CSV</a>`;
}
