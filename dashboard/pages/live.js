// Attempts as they happen.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { milliseconds } from "../lib/format.js";
import { Link, go } from "../lib/router.js";
import { follow } from "../lib/stream.js";
import { visible } from "../lib/visible.js";
import { ERRORS, TRIGGERS, where } from "../lib/words.js";
import { Badge, Button, Card, Empty, Head, Line, Moment } from "../parts/basics.js";
import { ListTable } from "../parts/list.js";

const KEPT = 500;
const SECONDS = 60;
const STATES = { open: "Listening", lost: "Connecting again…", paused: "Paused" };

const COLUMNS = [
  ["At", (one) => html`<${Moment} at=${one.started_at} />`, "time"],
  ["Outcome", (one) => html`<${Badge} word=${one.outcome} text=${one.response_status ?? (one.error ? ERRORS[one.error]?.[0] : undefined)} />`, "narrow"],
  ["Event", (one) => html`<${Link} to=${`deliveries/${one.delivery_id}`} class="strong">${visible(one.event_type)}</${Link}>`],
  ["To", (one) => html`<${Line} text=${where(one.url)} code />`, "grow"],
  ["Attempt", (one) => html`${one.number} <span class="dim">${TRIGGERS[one.trigger]?.toLowerCase() ?? one.trigger}</span>`],
  ["Took", (one) => html`<span class="mono">${milliseconds(one.duration_ms.total)}</span>`, "number"],
];

export function Page() {
  const [attempts, setAttempts] = useState([]);
  const [state, setState] = useState("lost");
  const [paused, pause] = useState(false);
  const held = useRef({ paused: false, waiting: [] });
  held.current.paused = paused;
  const counts = useRef(new Map());
  useEffect(() => {
    const stop = new AbortController();
    const frame = setInterval(() => {
      const { waiting } = held.current;
      if (held.current.paused || !waiting.length) return;
      held.current.waiting = [];
      setAttempts((known) => [...waiting.reverse(), ...known].slice(0, KEPT));
    }, 250);
    follow("/v1/stream", {
      signal: stop.signal,
      onState: setState,
      onEvent: ({ event, data, id }) => {
        if (event !== "attempt") return;
        const attempt = JSON.parse(data);
        count(counts.current, attempt);
        held.current.waiting = [...held.current.waiting, { ...attempt, place: id }].slice(-KEPT);
      },
    });
    return () => {
      stop.abort();
      clearInterval(frame);
    };
  }, []);
  const list = { items: attempts, cursor: null, loading: false, error: null, more: () => {} };
  return html`<${Head} title="Live" actions=${html`<${Button} onClick=${() => pause(!paused)}>${paused ? "Go on" : "Pause"}</${Button}>`}>
      <p class="lead" role="status"><span class=${`pulse ${paused ? "paused" : state}`}></span> ${STATES[paused ? "paused" : state]}</p></${Head}>
    <${Card} title="The last minute"><${Rate} counts=${counts.current} /></${Card}>
    <${ListTable} list=${list} columns=${COLUMNS} label="Attempts as they happen" keyOf=${(one) => one.place} onRow=${(one) => go(`deliveries/${one.delivery_id}`)}
      empty=${html`<${Empty} title="Nothing yet">Each attempt is shown here as soon as it is recorded.</${Empty}>`} />`;
}

// Counts an attempt in the second in which it began: `counts` is of the last minute, also where more came than are listed.
function count(counts, attempt) {
  const second = Math.floor(new Date(attempt.started_at) / 1000);
  const known = counts.get(second) ?? { good: 0, bad: 0 };
  counts.set(second, known);
  known[attempt.outcome === "succeeded" ? "good" : "bad"] += 1;
  const oldest = Math.floor(Date.now() / 1000) - SECONDS;
  for (const one of counts.keys()) if (one < oldest) counts.delete(one);
}

function Rate({ counts }) {
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => tick(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const first = Math.floor(now / 1000) - SECONDS + 1;
  const bars = Array.from({ length: SECONDS }, (_, at) => counts.get(first + at) ?? { good: 0, bad: 0 });
  const found = Math.max(...bars.map((bar) => bar.good + bar.bad));
  const most = Math.max(found, 4);
  return html`<figure class="chart short"><svg viewBox="0 0 ${SECONDS * 12} 60" preserveAspectRatio="none" role="img" aria-label="Attempts per second">
    ${bars.map((bar, at) => {
      const good = (56 * bar.good) / most;
      const bad = (56 * bar.bad) / most;
      return html`<g key=${at}><rect class="good" x=${at * 12 + 2} y=${60 - good} width="8" height=${good} /><rect class="bad" x=${at * 12 + 2} y=${60 - good - bad} width="8" height=${bad} /></g>`;
    })}</svg><figcaption>Attempts per second; most at once ${found}</figcaption></figure>`;
}
