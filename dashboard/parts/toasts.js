// What has just been done, said once and read out.
import { html, useEffect, useState } from "../lib/ui.js";

let early = null;
let show = (one) => {
  early = one; // said before there was a place to say it
};

export function toast(text, tone = "good") {
  show({ text, tone, at: Date.now() });
}

export function Toasts() {
  const [shown, setShown] = useState(early);
  useEffect(() => {
    show = setShown;
  }, []);
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => setShown(null), 5000);
    return () => clearTimeout(timer);
  }, [shown]);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown && html`<p class=${`toast ${shown.tone}`}>${shown.text}</p>`}
  </div>`;
}
