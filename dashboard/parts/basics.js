// Small parts that every page is made of.
import { html, classes, useEffect, useState } from "../lib/ui.js";
import { ago, clock, full, utc } from "../lib/format.js";
import { NAMES, TONES } from "../lib/words.js";
import { visible } from "../lib/visible.js";
import { Icon } from "./icons.js";

export function Badge({ word, text, tone }) {
  return html`<span class=${classes("badge", tone ?? TONES[word] ?? "quiet")}>${text ?? NAMES[word] ?? visible(word)}</span>`;
}

// A moment in the viewer's zone; UTC and the whole date when it is pointed at.
export function Moment({ at, relative = false }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!relative) return undefined;
    const timer = setInterval(() => tick((count) => count + 1), 5000);
    return () => clearInterval(timer);
  }, [relative]);
  if (!at) return html`<span class="dim">–</span>`;
  const title = `${full(at)}\n${utc(at)}`;
  return html`<time datetime=${at} title=${title}>${relative ? ago(at) : clock(at)}</time>`;
}

export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState(null);
  async function copy(event) {
    event.preventDefault();
    event.stopPropagation();
    const end = await put(text);
    setDone(end);
    setTimeout(() => setDone(null), end.lasts);
  }
  return html`<button type="button" class="copy" title=${done?.label ?? label} aria-label=${done?.label ?? label} onClick=${copy}>
    <${Icon} name=${done?.icon ?? "copy"} />
  </button>`;
}

// Only pages by HTTPS have a clipboard, and in a frame only those that the page around it lets.
async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return { label: "Copied", icon: "check", lasts: 1200 };
  } catch {
    return { label: "This browser does not let the page copy it: select it, and copy it by hand", icon: "close", lasts: 5000 };
  }
}

export function Id({ id, children }) {
  return html`<span class="id"><code>${children ?? id}</code><${Copy} text=${id} label=${`Copy ${id}`} /></span>`;
}

// Text from elsewhere on one line: cut by the column, whole when it is pointed at.
export function Line({ text, code = false }) {
  const shown = visible(text);
  return html`<span class=${classes("line", code && "mono")} title=${shown}>${shown}</span>`;
}

export function Button({ kind, icon, busy, children, ...more }) {
  return html`<button type="button" class=${classes("button", kind)} aria-busy=${busy ? "true" : undefined}
    disabled=${busy || more.disabled} ...${more}>${icon && html`<${Icon} name=${icon} />`}${children}</button>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h3>${title}</h3><p>${children}</p></div>`;
}

export function Failure({ error, retry }) {
  if (!error) return null;
  const next = error.status === 403 ? "Sign in with a key that has this scope, or ask whoever made yours." : null;
  return html`<div class="failure" role="alert">
    <p><strong>${visible(error.problem?.title ?? "Something went wrong")}.</strong> ${visible(error.message)} ${next}</p>
    ${error.problem?.request_id && html`<p class="dim">Request <code>${error.problem.request_id}</code></p>`}
    ${retry && html`<${Button} onClick=${retry}>Try again</${Button}>`}
  </div>`;
}

export function Facts({ rows }) {
  return html`<dl class="facts">
    ${rows.filter((row) => row && row[1] !== null && row[1] !== undefined).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

export function Card({ title, actions, children, class: name }) {
  return html`<section class=${classes("card", name)} aria-label=${title}>
    ${title && html`<header><h2>${title}</h2><div class="actions">${actions}</div></header>`}
    ${children}
  </section>`;
}

// The head of a page: its name, which takes the focus when one comes from another page, and what can be done.
export function Head({ title, label, actions, children }) {
  const name = label ?? title;
  useEffect(() => {
    document.title = `${visible(name)} · Ringback`;
  }, [name]);
  return html`<header class="head"><div><h1 tabindex="-1">${title}</h1>${children}</div><div class="actions">${actions}</div></header>`;
}

export function Bar({ share, label }) {
  return html`<progress class="bar" max="1" value=${share} aria-label=${label}></progress>`;
}

export function Tabs({ tabs, chosen, onChoose, label }) {
  return html`<div class="tabs" role="group" aria-label=${label}>
    ${tabs.map(([name, text]) => html`<button key=${name} type="button" aria-pressed=${String(name === chosen)} onClick=${() => onChoose(name)}>${text}</button>`)}
  </div>`;
}
