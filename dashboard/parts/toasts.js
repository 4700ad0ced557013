// What has just been done, said once and read out.
import { html, useEffect, useLayoutEffect, useState } from "../lib/ui.js";

const LASTS = 5000;
let early = null;
const hold = (one) => {
  early = one; // said before there was a place to say it
};
let show = hold;

export function toast(text, tone = "good") {
  show({ text, tone, at: Date.now() });
}

export function Toasts() {
  const [shown, setShown] = useState(() => (early && Date.now() - early.at < LASTS ? early : null));
  useLayoutEffect(() => {
    early = null;
    show = setShown;
    return () => {
      show = hold;
    };
  }, []);
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => setShown(null), LASTS);
    return () => clearTimeout(timer);
  }, [shown]);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown && html`<p class=${`toast ${shown.tone}`}>${shown.text}</p>`}
  </div>`;
}
