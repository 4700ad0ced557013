// The few icons that there are: strokes on a grid of 16.
import { html } from "../lib/ui.js";

const PATHS = {
  overview: "M2 13V9m4 4V3m4 10V6m4 7V8",
  deliveries: "M2 4h12v8H2zm0 0 6 5 6-5",
  events: "M9 1 3 9h5l-1 6 6-8H8z",
  endpoints: "M6 8a3 3 0 1 0-3 3c2 0 3-1.5 5-3s3-3 5-3a3 3 0 1 1-3 3",
  tasks: "M2 4l1.5 1.5L6 3M2 11l1.5 1.5L6 10m3-6h5M9 11h5",
  types: "M8 1.5 14 5v6l-6 3.5L2 11V5zm0 6.5 6-3M8 8 2 5m6 3v6.5",
  keys: "M10 6.5a3.5 3.5 0 1 0-3.2 3.48L8 11h1.5v1.5H11V14h3v-2.5L9.9 7.4c.1-.3.1-.6.1-.9zM5.5 5.5h.01",
  tenants: "M3 14V2h7v12M10 6h3v8M1 14h14M5.5 5h2m-2 3h2m-2 3h2",
  live: "M8 8h.01M5.2 10.8a4 4 0 0 1 0-5.6m5.6 0a4 4 0 0 1 0 5.6M3 13A7 7 0 0 1 3 3m10 0a7 7 0 0 1 0 10",
  copy: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8m0-8-8 8",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5m0 11V15M1 8h1.5m11 0H15M3 3l1 1m8 8 1 1m0-10-1 1M4 12l-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  out: "M6 2H2.5v12H6m4-9 3 3-3 3m3-3H6",
  menu: "M2 4h12M2 8h12M2 12h12",
  plus: "M8 3v10M3 8h10",
  next: "M6 3l5 5-5 5",
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
