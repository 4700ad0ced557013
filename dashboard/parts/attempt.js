// One attempt: how it went, where its time went, and request and response side by side.
import { html, useState } from "../lib/ui.js";
import { milliseconds } from "../lib/format.js";
import { languages, snippet } from "../lib/snippets.js";
import { visible } from "../lib/visible.js";
import { ERRORS, TRIGGERS, outcome, where } from "../lib/words.js";
import { Badge, Card, Copy, Line, Moment, Tabs } from "./basics.js";
import { Headers, Payload, Snippet } from "./code.js";

export function Attempt({ attempt }) {
  const told = ERRORS[attempt.error];
  return html`<${Card} title=${`Attempt ${attempt.number}`} actions=${html`<${Badge} word=${attempt.outcome} text=${outcome(attempt)} />`}>
      <div class="pad">
        <p>${TRIGGERS[attempt.trigger] ?? attempt.trigger}, <${Moment} at=${attempt.started_at} />${attempt.address ? html`, to <code>${visible(attempt.address)}</code>` : ""}.
          ${told ? ` ${told[1]}` : ""}${attempt.note ? ` Note: ${visible(attempt.note)}.` : ""}</p>
        <${Timings} times=${attempt.duration_ms} />
      </div></${Card}>
    <div class="pair">
      <${Card} title="Request"><${Request} request=${attempt.request} /></${Card}>
      <${Card} title="Response"><${Response} response=${attempt.response} error=${attempt.error} /></${Card}>
    </div>
    <${Verify} headers=${attempt.request.headers} />`;
}

const STAGES = [["dns", "DNS"], ["connect", "Connect"], ["tls", "TLS"], ["first_byte", "Waiting for the first byte"]];

function Timings({ times }) {
  if (times.total === null) return null;
  const known = STAGES.filter(([name]) => times[name] !== null).map(([name, text]) => [name, text, times[name]]);
  const rest = Math.max(times.total - known.reduce((sum, [, , value]) => sum + value, 0), 0);
  const parts = [...known, ["rest", "Body and the rest", rest]];
  let at = 0;
  return html`<div class="timings"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=${`${milliseconds(times.total)} in all`}>
      ${parts.map(([name, , value]) => {
        const x = at;
        at += times.total ? (1000 * value) / times.total : 0;
        return html`<rect key=${name} class=${name} x=${x} y="0" width=${Math.max(at - x, 0)} height="10" />`;
      })}</svg>
    <ul>${parts.map(([name, text, value]) => html`<li key=${name}><span class=${`swatch ${name}`}></span>${text} <b>${milliseconds(value)}</b></li>`)}
      <li>In all <b>${milliseconds(times.total)}</b></li></ul></div>`;
}

function Request({ request }) {
  return html`<p class="start mono"><b>POST</b> <${Line} text=${where(request.url)} /></p>
    <${Headers} pairs=${Object.entries(request.headers)} label="Request headers" />
    ${request.body === null ? html`<p class="dim pad">The payload was erased.</p>` : html`<${Payload} text=${request.body} label="the request's body" />`}`;
}

function Response({ response, error }) {
  if (!response) return html`<p class="dim pad">No answer came. ${ERRORS[error]?.[1] ?? ""}</p>`;
  return html`<p class="start mono"><b class=${response.status < 300 ? "good-text" : "bad-text"}>${response.status}</b></p>
    <${Headers} pairs=${response.headers} label="Response headers" />
    ${response.body ? html`<${Payload} text=${response.body} label="the response's body" />` : html`<p class="dim pad">The body is empty.</p>`}
    ${response.encoding === "base64" && html`<p class="dim pad">It is not UTF-8, and shown as base64.</p>`}
    ${response.truncated && html`<p class="dim pad">Only its first 16 KiB are kept.</p>`}`;
}

function Verify({ headers }) {
  const [language, choose] = useState("python");
  const found = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const signatures = found["webhook-signature"]?.split(" ") ?? [];
  const isPublic = signatures.length > 0 && signatures.every((one) => one.startsWith("v1a,"));
  return html`<${Card} title="How to verify" actions=${html`<${Tabs} label="Language" tabs=${languages(isPublic)} chosen=${language} onChoose=${choose} />`}>
    <div class="pad">
      ${signatures.length > 0 && html`<p>The receiver ${isPublic ? html`verifies, with the endpoint's <code>public_key</code>, one of these over` : "computes the signature of"} <code>webhook-id</code>, <code>webhook-timestamp</code> and the body's raw bytes, with a full stop between${isPublic ? ":" : ", and compares it with each of these:"}</p>
        <ul class="signatures">${signatures.map((one) => html`<li key=${one}><code>${visible(one)}</code><${Copy} text=${one} label="Copy the signature" /></li>`)}</ul>`}
    </div>
    <${Snippet} text=${snippet(language, isPublic)} label=${`the snippet in ${language}`} /></${Card}>`;
}
