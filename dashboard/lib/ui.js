// What every part is written with: Preact's elements by htm's templates. Text is always a text node.
import { h, render, Component, Fragment } from "../vendor/preact.mjs";
import htm from "../vendor/htm.mjs";

export { h, render, Component, Fragment };
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.mjs";
export const html = htm.bind(h);

// Joins the class names that are there.
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
