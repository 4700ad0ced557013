// All deliveries, by filters that live in the address.
import { html, useCallback } from "../lib/ui.js";
import { address, get, save } from "../lib/api.js";
import { useList, useLoad } from "../lib/load.js";
import { Link } from "../lib/router.js";
import { chosenTenant, may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { ERRORS, where } from "../lib/words.js";
import { Button, Empty, Head } from "../parts/basics.js";
import { DeliveryTable } from "../parts/delivery_table.js";
import { Filters } from "../parts/list.js";
import { toast } from "../parts/toasts.js";

const fields = (endpoints) => [
  ["status", "Status", ["pending", "retrying", "succeeded", "exhausted", "cancelled"]],
  ["event_type", "Event type", "text", "order.paid"],
  ["response_code", "Answer", "text", "503 or 5xx"],
  ["error", "Error", Object.keys(ERRORS)],
  ["endpoint_id", "Endpoint", "text", "ep_…", endpoints],
  ["created_after", "From", "time"],
  ["created_before", "Until", "time"],
];

export function Page({ query }) {
  const list = useList("/v1/deliveries", query);
  const { data: known } = useLoad(useCallback(() => (may("endpoints:read") ? get("/v1/endpoints", { limit: 200 }) : null), []), []);
  const endpoints = known?.data.map((one) => [one.id, visible(one.description || where(one.url))]);
  const filtered = Object.keys(query).length > 0;
  const empty = filtered
    ? html`<${Empty} title="Nothing fits these filters">Take one away, or widen the time.</${Empty}>`
    : html`<${Empty} title="Nothing was sent yet">Register ${may("endpoints:write") ? html`an <${Link} to="endpoints">endpoint</${Link}>` : "an endpoint"}, and send it a test.</${Empty}>`;
  return html`<${Head} title="Deliveries" actions=${html`<${Export} query=${query} />`} />
    <${Filters} path="deliveries" query=${query} fields=${fields(endpoints)} />
    <${DeliveryTable} list=${list} empty=${empty} />`;
}

// A link streams to the disk, but says of no tenant that the operator acts for it.
function Export({ query }) {
  const file = address("/v1/deliveries/export", { ...query, format: "csv" });
  if (!chosenTenant()) return html`<a class="button" href=${file} download>Export CSV</a>`;
  const onClick = () => save(file, "deliveries.csv").catch((error) => toast(error.message, "bad"));
  return html`<${Button} onClick=${onClick}>Export CSV</${Button}>`;
}
