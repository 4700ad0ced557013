// Numbers and times as people read them; times in the viewer's zone, with UTC beside them.

const NUMBER = new Intl.NumberFormat();
const ONE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86400, 3600, "hour"],
  [Infinity, 86400, "day"],
];

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));
export const decimal = (value) => (value === null || value === undefined ? "–" : ONE.format(value));

export function percent(share) {
  if (share === null || share === undefined) return "–";
  const rounded = Math.floor(share * 1000) / 10; // 99.96 % is not all
  return `${ONE.format(rounded)} %`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 10000) return `${ONE.format(value / 1000)} s`;
  return value >= 100 ? `${NUMBER.format(Math.round(value))} ms` : `${ONE.format(value)} ms`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${ONE.format(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
  return `${ONE.format(seconds / 86400)} days`;
}

const two = (value) => String(Math.floor(value)).padStart(2, "0");

export function clock(moment) {
  const time = new Date(moment);
  const today = new Date().toDateString() === time.toDateString();
  return today ? CLOCK.format(time) : `${DAY.format(time)}, ${CLOCK.format(time)}`;
}

export function ago(moment, now = Date.now()) {
  const seconds = Math.round((new Date(moment).getTime() - now) / 1000);
  const [, size, unit] = STEPS.find(([end]) => Math.abs(seconds) < end);
  return AGO.format(Math.round(seconds / size), unit);
}

export const full = (moment) => FULL.format(new Date(moment));
export const utc = (moment) => `${new Date(moment).toISOString().replace("T", " ").replace("Z", "")} UTC`;
export const seconds = (from, to) => (new Date(to).getTime() - new Date(from).getTime()) / 1000;

export const LAST = "9999-12-31T23:59";

// What `datetime-local` holds, in the viewer's zone.
export function local(moment) {
  const time = new Date(moment);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

// What was put into one, as the API takes it; it throws for a year of five digits.
export function fromLocal(text) {
  if (!text) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new Error("That is not a time: its year has four digits.");
  return time.toISOString();
}
