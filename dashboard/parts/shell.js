// The frame around every page: what there is to see, for whom, and who looks.
import { html, useEffect, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { chooseTenant, chosenTenant, may, signOut } from "../lib/session.js";
import { Link, go } from "../lib/router.js";
import { scheme, setScheme } from "../lib/theme.js";
import { visible } from "../lib/visible.js";
import { Icon } from "./icons.js";
import { toast } from "./toasts.js";

const PLACES = [
  ["", "Overview", "overview", "deliveries:read"],
  ["deliveries", "Deliveries", "deliveries", "deliveries:read"],
  ["events", "Events", "events", "events:read"],
  ["endpoints", "Endpoints", "endpoints", "endpoints:read"],
  ["tasks", "Tasks", "tasks", "tasks:read"],
  ["live", "Live", "live", "deliveries:read"],
  ["event-types", "Event types", "types", "events:read"],
  ["keys", "Keys and links", "keys", "keys:read"],
];

export function places(session) {
  const own = PLACES.filter(([, , , scope]) => may(scope));
  return session.kind === "operator" ? [...own, ["tenants", "Tenants", "tenants"]] : own;
}

export function Shell({ session, route, children }) {
  const [open, setOpen] = useState(false);
  const place = route.parts[0] ?? "";
  useEffect(() => setOpen(false), [route]);
  useKeys(session);
  return html`<div class=${open ? "shell open" : "shell"}>
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <aside class="side">
      <div class="brand"><span class="mark" aria-hidden="true"></span>
        <span class="name">${session.kind === "portal" ? visible(session.theme.name) : "Ringback"}</span>
        <button type="button" class="menu" aria-expanded=${String(open)} aria-label="Menu" onClick=${() => setOpen(!open)}><${Icon} name="menu" /></button>
      </div>
      <div class="fold">
        ${session.kind === "operator" && html`<${TenantChoice} />`}
        <nav aria-label="Pages"><ul>
          ${places(session).map(([path, name, icon]) => html`<li key=${path}>
            <${Link} to=${path} aria-current=${path === place ? "page" : undefined}><${Icon} name=${icon} /> ${name}</${Link}></li>`)}
        </ul></nav>
        <${Viewer} session=${session} />
      </div>
    </aside>
    <main id="content" tabindex="-1">${children}</main>
  </div>`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

function TenantChoice() {
  const [tenants, setTenants] = useState([]);
  const chosen = chosenTenant();
  useEffect(() => {
    get("/v1/tenants", { limit: 200 }).then((page) => setTenants(page.data), () => {});
  }, []);
  function choose(slug) {
    chooseTenant(slug);
    location.reload();
  }
  return html`<label class="tenant"><span>Tenant</span>
    <select value=${chosen} onChange=${(event) => choose(event.currentTarget.value)}>
      ${chosen && !tenants.some((one) => one.slug === chosen) && html`<option value=${chosen} selected>${visible(chosen)}</option>`}
      ${tenants.map((one) => html`<option key=${one.id} value=${one.slug} selected=${one.slug === chosen}>${visible(one.name)}</option>`)}
    </select></label>`;
}

function Viewer({ session }) {
  const [chosen, setChosen] = useState(scheme());
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  function turn() {
    const next = dark ? "light" : "dark";
    setScheme(next);
    setChosen(next);
  }
  const leave = () => signOut().catch((error) => toast(`You are still signed in. ${visible(error.message)}`, "bad"));
  const who = { operator: "Operator", key: visible(session.tenant?.name), portal: visible(session.owner) }[session.kind];
  return html`<div class="viewer">
    <p><strong title=${who}>${who}</strong><span class="dim">${session.owner && session.kind === "key" ? visible(session.owner) : (session.role ?? (session.kind === "operator" ? "all tenants" : "own scopes"))}</span></p>
    <button type="button" title=${dark ? "Light" : "Dark"} aria-label=${dark ? "Use light colours" : "Use dark colours"} onClick=${turn}><${Icon} name=${dark ? "sun" : "moon"} /></button>
    <button type="button" title="Sign out" aria-label="Sign out" onClick=${leave}><${Icon} name="out" /></button>
  </div>`;
}

// g, then a letter, goes to the first page of that letter; / goes to the first filter.
function useKeys(session) {
  useEffect(() => {
    let before = "";
    function press(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
      if (event.key === "/") {
        const filter = document.querySelector(".filters input, .filters select");
        if (filter) event.preventDefault();
        filter?.focus();
      }
      const to = before === "g" && places(session).find(([, name]) => name[0].toLowerCase() === event.key);
      if (to) go(to[0]);
      before = event.key;
    }
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [session]);
}
