// The operator's page: tenants, and what each may use.
import { html, useState } from "../lib/ui.js";
import { patch, post, remove } from "../lib/api.js";
import { number } from "../lib/format.js";
import { useList } from "../lib/load.js";
import { chooseTenant, chosenTenant } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { href } from "../lib/router.js";
import { Badge, Button, Empty, Head, Line, Moment } from "../parts/basics.js";
import { Field, FormDialog } from "../parts/dialog.js";
import { ListTable } from "../parts/list.js";
import { toast } from "../parts/toasts.js";
import { Typed } from "../parts/typed.js";

const whole = (text) => (text === "" ? null : Number(text));

export function Page() {
  const list = useList("/v1/tenants", {}, { every: 10000 });
  const [asked, ask] = useState(null);
  function saved(text) {
    toast(text);
    ask(null);
    list.reload();
  }
  const columns = [
    ["Tenant", (one) => html`<strong><${Line} text=${one.name} /></strong>`, "grow"],
    ["Slug", (one) => html`<code>${one.slug}</code> ${one.slug === chosenTenant() && html`<${Badge} text="acting for" tone="busy" />`}`],
    ["Requests/s", (one) => number(one.limits.requests_per_second ?? undefined), "number"],
    ["Tasks waiting", (one) => number(one.limits.waiting_tasks), "number"],
    ["Endpoints", (one) => number(one.limits.endpoints), "number"],
    ["Keeps days", (one) => one.limits.retention_days, "number"],
    ["Made", (one) => html`<${Moment} at=${one.created_at} />`, "time"],
    ["Actions", (one) => html`<${Button} kind="plain" onClick=${() => act(one)}>Act for</${Button}><${Button} kind="plain" onClick=${() => ask({ tenant: one })}>Edit</${Button}><${Button} kind="plain" onClick=${() => ask({ closing: one })}>Close</${Button}>`, "number"],
  ];
  function act(one) {
    chooseTenant(one.slug);
    location.assign(href(""));
  }
  return html`<${Head} title="Tenants" actions=${html`<${Button} kind="primary" icon="plus" onClick=${() => ask({ tenant: null })}>New tenant</${Button}>`} />
    <${ListTable} list=${list} columns=${columns} label="Tenants" empty=${html`<${Empty} title="No tenant yet">A tenant is an isolated customer: it owns its keys, endpoints, events and tasks.</${Empty}>`} />
    ${asked && "tenant" in asked && html`<${TenantForm} tenant=${asked.tenant} onClose=${() => ask(null)} onSaved=${saved} />`}
    ${asked?.closing && html`<${Closing} tenant=${asked.closing} onClose=${() => ask(null)} onSaved=${saved} />`}`;
}

function TenantForm({ tenant, onClose, onSaved }) {
  const limits = tenant?.limits ?? { requests_per_second: null, waiting_tasks: 100000, running_tasks: null, endpoints: 10000, retention_days: 30 };
  async function save(form) {
    const body = {
      slug: form.get("slug").trim(),
      name: form.get("name").trim(),
      limits: Object.fromEntries(Object.keys(limits).map((name) => [name, whole(form.get(name))])),
    };
    await (tenant ? patch(`/v1/tenants/${tenant.id}`, body) : post("/v1/tenants", body));
    const acting = chosenTenant();
    if (!acting || (tenant?.slug === acting && acting !== body.slug)) {
      chooseTenant(body.slug);
      location.reload(); // everything on the page asks for the former name, or for nobody
    } else onSaved(tenant ? "Saved." : "Made.");
  }
  return html`<${FormDialog} title=${tenant ? "Edit tenant" : "New tenant"} submit="Save" onSubmit=${save} onClose=${onClose} wide>
    <div class="columns"><${Field} label="Name"><${Typed} name="name" required value=${tenant?.name ?? ""} /></${Field}>
    <${Field} label="Slug" hint="Lower case, digits and hyphens."><${Typed} name="slug" required value=${tenant?.slug ?? ""} spellcheck=${false} /></${Field}></div>
    <div class="columns">
      <${Field} label="Requests a second" hint="None: no limit."><${Typed} name="requests_per_second" type="number" min="1" value=${limits.requests_per_second ?? ""} /></${Field}>
      <${Field} label="Waiting tasks"><${Typed} name="waiting_tasks" type="number" min="0" value=${limits.waiting_tasks} required /></${Field}>
      <${Field} label="Running tasks" hint="None: no limit."><${Typed} name="running_tasks" type="number" min="1" value=${limits.running_tasks ?? ""} /></${Field}>
      <${Field} label="Endpoints"><${Typed} name="endpoints" type="number" min="0" value=${limits.endpoints} required /></${Field}>
      <${Field} label="Days kept"><${Typed} name="retention_days" type="number" min="1" max="3650" value=${limits.retention_days} required /></${Field}>
    </div></${FormDialog}>`;
}

function Closing({ tenant, onClose, onSaved }) {
  async function close(form) {
    if (form.get("slug").trim() !== tenant.slug) throw new Error("That is not the slug of this tenant.");
    await remove(`/v1/tenants/${tenant.id}`);
    if (chosenTenant() === tenant.slug) location.reload(); // which finds another to act for, and says so
    else onSaved("Closed. Its data is erased in batches.");
  }
  return html`<${FormDialog} title=${`Close ${visible(tenant.name)} for good?`} submit="Close the tenant" danger onSubmit=${close} onClose=${onClose}>
    <p class="prose">Its keys die at once, what waits is cancelled, all its data is erased. Type <code>${tenant.slug}</code> to go on.</p>
    <${Field} label="Slug"><input name="slug" required spellcheck=${false} autocomplete="off" /></${Field}></${FormDialog}>`;
}
