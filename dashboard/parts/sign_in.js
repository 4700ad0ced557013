// Signing in: an API key is exchanged for a session, and not kept.
import { html, useEffect, useState } from "../lib/ui.js";
import { BASE, signIn } from "../lib/session.js";
import { Button, Failure } from "./basics.js";

export function SignIn({ onSignedIn }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Ringback";
  }, []);
  async function submit(event) {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem("key");
    setBusy(true);
    try {
      await signIn(field.value.trim());
      field.value = "";
      await onSignedIn();
    } catch (failed) {
      const wrong = failed.status === 401 ? "That is not a key that works. It begins with rb_, and may have been revoked." : null;
      setError(wrong ? new Error(wrong) : failed);
    }
    setBusy(false);
  }
  if (BASE.endsWith("/portal")) return html`<${Ended} />`;
  return html`<main class="gate"><div class="brand"><span class="mark" aria-hidden="true"></span><span class="name">Ringback</span></div>
    <form class="card" onSubmit=${submit}>
      <h1>Sign in</h1>
      <p class="dim">With an API key of your tenant, or the operator's. It is exchanged for a session, and kept nowhere.</p>
      <label class="field"><span>API key</span>
        <input name="key" type="password" autocomplete="off" spellcheck=${false} required placeholder="rb_…" autofocus /></label>
      <${Failure} error=${error} />
      <${Button} kind="primary wide" type="submit" busy=${busy}>Sign in</${Button}>
    </form></main>`;
}

// Whether somebody is signed in could not be found out, which is no reason to sign in again.
export function NotStarted({ error, retry }) {
  useEffect(() => {
    document.title = "Ringback";
  }, []);
  return html`<main class="gate"><div class="card"><h1>It could not start</h1><${Failure} error=${error} retry=${retry} /></div></main>`;
}

function Ended() {
  return html`<main class="gate"><div class="card"><h1>This session is over</h1>
    <p>Go back to where you came from, and open the portal from there again: each link opens it once.</p></div></main>`;
}
