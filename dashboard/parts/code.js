// Payloads, headers and snippets: text, coloured where it is JSON, never anything that runs.
import { html, useState } from "../lib/ui.js";
import { layOut } from "../lib/exact.js";
import { visible } from "../lib/visible.js";
import { Copy, Tabs } from "./basics.js";

const SHOWN = 65536;

export function Payload({ text, label }) {
  const laid = layOut(text.slice(0, SHOWN * 4));
  const [raw, setRaw] = useState(false);
  const plain = raw || laid === null;
  const cut = text.length > SHOWN && plain;
  return html`<div class="code"><div class="tools">
      ${laid && html`<${Tabs} label="How it is shown" chosen=${raw ? "raw" : "laid"} onChoose=${(name) => setRaw(name === "raw")} tabs=${[["laid", "Pretty"], ["raw", "Raw"]]} />`}
      <${Copy} text=${text} label=${`Copy ${label}`} /></div>
    <pre tabindex="0" role="region" aria-label=${label}>${plain
      ? visible(text.slice(0, SHOWN))
      : laid.map((piece, at) => html`<span key=${at} class=${`json-${piece.kind}`}>${visible(piece.text)}</span>`)}${cut ? "\n… cut here: copy it to see all" : ""}</pre></div>`;
}

export function Snippet({ text, label }) {
  return html`<div class="code"><div class="tools"><${Copy} text=${text} label=${`Copy ${label}`} /></div>
    <pre tabindex="0" role="region" aria-label=${label}>${text}</pre></div>`;
}

export function Headers({ pairs, label }) {
  if (!pairs.length) return html`<p class="dim">None.</p>`;
  return html`<table class="headers"><caption class="hidden">${label}</caption><tbody>
    ${pairs.map(([name, value], at) => html`<tr key=${at}><th scope="row">${visible(name)}</th><td>${visible(value)}</td></tr>`)}
  </tbody></table>`;
}
