// Light or dark, and the colours of a portal.
import { keep, recall } from "./session.js";

const SCHEME = "ringback.scheme";

export function scheme() {
  return recall(SCHEME) ?? "auto";
}

export function setScheme(name) {
  keep(SCHEME, name === "auto" ? null : name);
  document.documentElement.dataset.scheme = name;
}

export function applyTheme(session) {
  const portal = session.kind === "portal";
  document.documentElement.dataset.scheme = recall(SCHEME) ?? (portal ? session.theme.scheme : "auto");
  if (!portal || !session.theme.accent) return;
  const style = document.documentElement.style;
  style.setProperty("--accent", session.theme.accent);
  const mixed = (colour) => `color-mix(in oklab, ${session.theme.accent}, ${colour})`;
  style.setProperty("--accent-text", `light-dark(${mixed("black 25%")}, ${mixed("white 45%")})`);
  style.setProperty("--on-accent", isLight(session.theme.accent) ? "#111" : "#fff");
}

// WCAG's relative luminance: above it black reads better on the colour than white.
function isLight(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}
