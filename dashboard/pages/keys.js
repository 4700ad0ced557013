// Keys of the tenant, and links that open the portal for a partner.
import { html, useState } from "../lib/ui.js";
import { post, remove } from "../lib/api.js";
import { LAST, fromLocal } from "../lib/format.js";
import { useList } from "../lib/load.js";
import { may } from "../lib/session.js";
import { visible } from "../lib/visible.js";
import { Badge, Button, Card, Copy, Empty, Head, Line, Moment } from "../parts/basics.js";
import { Confirm, Dialog, Field, FormDialog } from "../parts/dialog.js";
import { ListTable } from "../parts/list.js";
import { toast } from "../parts/toasts.js";
import { Typed } from "../parts/typed.js";

const ROLES = { admin: "everything", client: "submits tasks and events", partner: "endpoints and their deliveries", inspector: "reads deliveries and events" };

export function Page({ session }) {
  const keys = useList("/v1/keys", {}, { every: 10000 });
  const links = useList("/v1/portal-links", {}, { every: 10000 });
  const [asked, ask] = useState(null);
  const [shown, show] = useState(null);
  const write = may("keys:write");
  const close = () => ask(null);
  return html`<${Head} title="Keys and links" actions=${write && html`<${Button} onClick=${() => ask({ what: "link" })}>New portal link</${Button}><${Button} kind="primary" icon="plus" onClick=${() => ask({ what: "key" })}>New key</${Button}>`} />
    <${Card} title="API keys"><${ListTable} list=${keys} label="API keys" columns=${keyColumns(write, (key) => ask({ what: "revoke-key", key }))} empty=${html`<${Empty} title="No key yet">Programs call with a key. Make the first one.</${Empty}>`} /></${Card}>
    <${Card} title="Portal links"><${ListTable} list=${links} label="Portal links" columns=${linkColumns(write, (link) => ask({ what: "revoke-link", link }))} empty=${html`<${Empty} title="No portal link">A link shows a partner its own endpoints and deliveries, and nothing else.</${Empty}>`} /></${Card}>
    ${asked?.what === "key" && html`<${NewKey} session=${session} onClose=${close} onMade=${(made) => done(made.key, "API key", keys)} />`}
    ${asked?.what === "link" && html`<${NewLink} session=${session} onClose=${close} onMade=${(made) => done(new URL(made.url, location.href).href, "Portal link", links)} />`}
    ${asked?.what === "revoke-key" && html`<${Revoke} what=${`the key “${visible(asked.key.name)}”`} path=${`/v1/keys/${asked.key.id}`} onClose=${close} text="It stops working within 5 seconds, with the sessions that it opened." />`}
    ${asked?.what === "revoke-link" && html`<${Revoke} what="this portal link" path=${`/v1/portal-links/${asked.link.id}`} onClose=${close} text="It opens nothing any more, and the session that it opened ends." />`}
    ${shown && html`<${Once} title=${shown.title} text=${shown.text} onClose=${() => show(null)} />`}`;
  function done(text, title, list) {
    close();
    show({ text, title });
    list.reload();
  }
}

const keyColumns = (write, revoke) => [
  ["Name", (one) => html`<strong><${Line} text=${one.name} /></strong>`],
  ["May", (one) => (one.role ? html`<${Badge} text=${one.role} tone="quiet" />` : html`<${Line} text=${one.scopes.join(", ")} />`), "grow"],
  ["Owner", (one) => (one.owner ? html`<${Line} text=${one.owner} />` : html`<span class="dim">–</span>`)],
  ["Key", (one) => html`<code>…${visible(one.last_four)}</code>`],
  ["Used", (one) => html`<${Moment} at=${one.last_used_at} relative />`],
  ["Expires", (one) => (one.expires_at ? html`<${Moment} at=${one.expires_at} />` : html`<span class="dim">never</span>`), "time"],
  ...(write ? [["Revoke", (one) => html`<${Button} kind="plain" onClick=${() => revoke(one)}>Revoke</${Button}>`, "number"]] : []),
];

const linkColumns = (write, revoke) => [
  ["Owner", (one) => html`<strong><${Line} text=${one.owner} /></strong>`, "grow"],
  ["Role", (one) => html`<${Badge} text=${one.role} tone="quiet" />`],
  ["Made", (one) => html`<${Moment} at=${one.created_at} />`],
  ["State", (one) => (one.used_at ? html`opened <${Moment} at=${one.used_at} relative />` : new Date(one.expires_at) < new Date() ? "expired" : html`opens until <${Moment} at=${one.expires_at} />`)],
  ...(write ? [["Revoke", (one) => html`<${Button} kind="plain" onClick=${() => revoke(one)}>Revoke</${Button}>`, "number"]] : []),
];

function NewKey({ session, onClose, onMade }) {
  async function make(form) {
    onMade(await post("/v1/keys", {
      name: form.get("name").trim(), role: form.get("role"), owner: form.get("owner")?.trim() || undefined, expires_at: fromLocal(form.get("expires_at")),
    }));
  }
  return html`<${FormDialog} title="New API key" submit="Make key" onSubmit=${make} onClose=${onClose}>
    <${Field} label="Name" hint="What calls with it."><input name="name" required maxlength="200" /></${Field}>
    <${Field} label="Role"><select name="role">${Object.entries(ROLES).map(([name, text]) => html`<option key=${name} value=${name}>${name}: ${text}</option>`)}</select></${Field}>
    ${!session.owner && html`<${Field} label="Owner" hint="The partner whose things alone it sees; for partners and inspectors."><input name="owner" maxlength="255" /></${Field}>`}
    <${Field} label="Expires" hint="Never, unless told."><input name="expires_at" type="datetime-local" max=${LAST} /></${Field}>
  </${FormDialog}>`;
}

function NewLink({ session, onClose, onMade }) {
  async function make(form) {
    onMade(await post("/v1/portal-links", { owner: form.get("owner").trim(), role: form.get("role"), expires_in: Number(form.get("minutes")) * 60 }));
  }
  return html`<${FormDialog} title="New portal link" submit="Make link" onSubmit=${make} onClose=${onClose}>
    <p class="prose">Whoever opens it, once, sees the endpoints and deliveries of this owner, for 12 hours at most.</p>
    <${Field} label="Owner"><${Typed} name="owner" required maxlength="255" value=${session.owner ?? ""} readonly=${Boolean(session.owner)} /></${Field}>
    <${Field} label="Role"><select name="role"><option value="partner">partner: manages its endpoints</option><option value="inspector">inspector: reads only</option></select></${Field}>
    <${Field} label="Opens within" hint="Minutes."><${Typed} name="minutes" type="number" min="1" max="10080" value="15" required /></${Field}>
  </${FormDialog}>`;
}

function Revoke({ what, path, text, onClose }) {
  return html`<${Confirm} title=${`Revoke ${what}?`} submit="Revoke" onClose=${onClose} onSubmit=${async () => {
    await remove(path);
    toast("Revoked.");
    onClose();
  }}><p>${text}</p></${Confirm}>`;
}

function Once({ title, text, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}><div class="prose pad"><p>Copy it now: it is shown this once.</p>
    <p class="secret"><code>${visible(text)}</code><${Copy} text=${text} label=${`Copy the ${title}`} /></p></div></${Dialog}>`;
}
