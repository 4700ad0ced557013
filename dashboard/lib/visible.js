// Hostile text made harmless to the eye: what changes direction, hides or moves the cursor is shown as an escape.

const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

export function visible(text) {
  return String(text ?? "").replace(UNSEEN, (one) =>
    one === "\r" ? "" : `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function shortened(text, limit = 120) {
  const shown = visible(text);
  return shown.length > limit ? `${shown.slice(0, limit)}…` : shown;
}
