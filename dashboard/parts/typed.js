// An input that is typed into: it shows `value` at first and whenever that becomes another. What is typed stays, whatever
// else is drawn again meanwhile; a plain `value` is put back with every drawing.
import { html, useLayoutEffect, useRef } from "../lib/ui.js";

export function Typed({ value, ...given }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    element.current.value = value ?? "";
  }, [value]);
  return html`<input ref=${element} ...${given} />`;
}
