// A dialog of the browser's own: it keeps the focus, Escape closes it, the page behind it is inert. A press beside it does
// nothing: what is shown once, or was typed, would be lost by it.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { Button, Failure } from "./basics.js";
import { Icon } from "./icons.js";

export function Dialog({ title, onClose, children, wide }) {
  const element = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-label=${title} onCancel=${onClose}>
    <div class="sheet"><header><h2>${title}</h2>
      <button type="button" class="copy" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
    ${children}</div></dialog>`;
}

// A form in a dialog: `onSubmit` gets the form and may throw; its error stays with the form.
export function FormDialog({ title, submit, danger, onSubmit, onClose, children, wide }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  async function send(event) {
    event.preventDefault();
    setBusy(true);
    try {
      await onSubmit(new FormData(event.currentTarget));
      setError(null);
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  }
  const wrong = Object.entries(error?.fields ?? {});
  return html`<${Dialog} title=${title} onClose=${onClose} wide=${wide}>
    <form onSubmit=${send}>
      ${children}
      <${Failure} error=${error} />
      ${wrong.length > 0 && html`<ul class="wrong">${wrong.map(([where, what]) => html`<li key=${where}><code>${where || "/"}</code> ${what}</li>`)}</ul>`}
      <footer><${Button} onClick=${onClose}>Close</${Button}>
        <${Button} kind=${danger ? "danger" : "primary"} type="submit" busy=${busy}>${submit}</${Button}></footer>
    </form></${Dialog}>`;
}

export function Confirm({ title, submit, danger = true, onSubmit, onClose, children }) {
  return html`<${FormDialog} title=${title} submit=${submit} danger=${danger} onSubmit=${onSubmit} onClose=${onClose}>
    <div class="prose">${children}</div></${FormDialog}>`;
}

export function Field({ label, hint, children }) {
  return html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}
