// Charts as SVG: they take their colours from the page, and a table beside them says the same in words.
import { html, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { clock, milliseconds, number } from "../lib/format.js";

const HIGH = 140;
const FOOT = 18;
const LEFT = 44;

// Bars of what succeeded, failed and is unknown, by span; the one that is pointed at is told below.
export function Outcomes({ spans, seconds }) {
  const [at, setAt] = useState(null);
  const [wide, frame] = useWidth();
  const most = nice(Math.max(...spans.map(total), 1));
  const step = (wide - LEFT) / spans.length;
  const shown = at === null ? null : spans[at];
  const y = (value) => (HIGH * value) / most;
  return html`<figure class="chart" ref=${frame}><svg width=${wide} height=${HIGH + FOOT} role="img" aria-label="Attempts over time" onMouseLeave=${() => setAt(null)}>
      <${Grid} wide=${wide} most=${most} label=${number} /><${Times} spans=${spans} step=${step} />
      ${spans.map((span, index) => {
        const x = LEFT + index * step + step * 0.12;
        const width = Math.max(step * 0.76, 1);
        const good = y(span.succeeded);
        const bad = y(span.failed + span.unknown);
        return html`<g key=${span.at} class=${at === index ? "chosen" : ""} onMouseEnter=${() => setAt(index)}>
          <rect class="hit" x=${LEFT + index * step} y="0" width=${step} height=${HIGH} />
          <rect class="good" x=${x} y=${HIGH - good} width=${width} height=${good} rx="1.5" />
          <rect class="bad" x=${x} y=${HIGH - good - bad} width=${width} height=${bad} rx="1.5" /></g>`;
      })}
    </svg>
    <figcaption>${shown
      ? html`${clock(shown.at)}: <b>${number(shown.succeeded)}</b> delivered, <b>${number(shown.failed)}</b> failed${shown.unknown ? `, ${number(shown.unknown)} unknown` : ""}`
      : html`<span class="key good">Delivered</span><span class="key bad">Failed</span> per ${seconds === 300 ? "5 minutes" : "hour"}`}</figcaption>
    <${Words} spans=${spans} /></figure>`;
}

// Lines of percentiles, by span; gaps where nothing was sent.
export function Latencies({ spans }) {
  const [at, setAt] = useState(null);
  const [wide, frame] = useWidth();
  const most = nice(Math.max(...spans.map((span) => span.latency_ms.p99 ?? 0), 10));
  const step = (wide - LEFT) / spans.length;
  const shown = at === null ? null : spans[at];
  return html`<figure class="chart" ref=${frame}><svg width=${wide} height=${HIGH + FOOT} role="img" aria-label="Latency over time" onMouseLeave=${() => setAt(null)}>
      <${Grid} wide=${wide} most=${most} label=${milliseconds} /><${Times} spans=${spans} step=${step} />
      ${["p99", "p95", "p50"].map((name) => html`<path key=${name} class=${`stroke ${name}`} d=${path(spans, name, most, step)} />`)}
      ${spans.map((span, index) => html`<g key=${span.at} class=${at === index ? "chosen" : ""} onMouseEnter=${() => setAt(index)}>
        <rect class="hit" x=${LEFT + index * step} y="0" width=${step} height=${HIGH} />
        ${["p50", "p95", "p99"].map((name) => span.latency_ms[name] !== null && html`<circle key=${name} class=${name} cx=${LEFT + (index + 0.5) * step} cy=${HIGH - (HIGH * span.latency_ms[name]) / most} r="2" />`)}</g>`)}
    </svg>
    <figcaption>${shown
      ? html`${clock(shown.at)}: half in <b>${milliseconds(shown.latency_ms.p50)}</b>, 95 % in <b>${milliseconds(shown.latency_ms.p95)}</b>, 99 % in <b>${milliseconds(shown.latency_ms.p99)}</b>`
      : html`<span class="key p50">p50</span><span class="key p95">p95</span><span class="key p99">p99</span>`}</figcaption></figure>`;
}

// Charts are drawn at the width that they have, so that their letters keep their size.
function useWidth() {
  const [wide, setWide] = useState(560);
  const frame = useRef(null);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([seen]) => setWide(Math.max(Math.floor(seen.contentRect.width), 200)));
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  return [wide, frame];
}

function path(spans, name, most, step) {
  let open = false;
  return spans.map((span, index) => {
    const value = span.latency_ms[name];
    const command = open ? "L" : "M";
    open = value !== null;
    return open ? `${command}${(LEFT + (index + 0.5) * step).toFixed(1)} ${(HIGH - (HIGH * value) / most).toFixed(1)}` : "";
  }).join("");
}

function Grid({ wide, most, label }) {
  return html`${[0, 0.5, 1].map((share) => html`<g key=${share}>
    <line class="grid" x1=${LEFT} x2=${wide} y1=${HIGH * (1 - share) + 0.5} y2=${HIGH * (1 - share) + 0.5} />
    <text x=${LEFT - 6} y=${HIGH * (1 - share) + (share === 1 ? 9 : share ? 4 : 0)} text-anchor="end">${label(most * share)}</text></g>`)}`;
}

function Times({ spans, step }) {
  const every = Math.max(Math.ceil(64 / step), 1);
  return html`${spans.map((span, index) => index % every === 0 && html`<text key=${span.at} x=${LEFT + index * step} y=${HIGH + 14}>${clock(span.at).replace(/:00$/, "")}</text>`)}`;
}

function Words({ spans }) {
  return html`<table class="hidden"><caption>Attempts over time</caption><thead><tr><th scope="col">From</th><th scope="col">Delivered</th><th scope="col">Failed</th></tr></thead>
    <tbody>${spans.filter(total).map((span) => html`<tr key=${span.at}><td>${clock(span.at)}</td><td>${span.succeeded}</td><td>${span.failed}</td></tr>`)}</tbody></table>`;
}

const total = (span) => span.succeeded + span.failed + span.unknown;

function nice(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((factor) => factor * size).find((one) => one >= value);
}
