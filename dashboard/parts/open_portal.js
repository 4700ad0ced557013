// A portal link: its token lies in the fragment, which no server and no referrer sees. Looking at it uses nothing up,
// so that programs that fetch links ahead of people leave it whole; the button does.
import { html, useEffect, useState } from "../lib/ui.js";
import { signIn } from "../lib/session.js";
import { Button, Failure } from "./basics.js";

const PREFIX = "#rbl_";

export function isPortalLink() {
  return location.hash.startsWith(PREFIX);
}

export function OpenPortal({ onOpened }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Webhooks";
  }, []);
  async function open() {
    setBusy(true);
    const token = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    try {
      await signIn(token);
      await onOpened();
    } catch (failed) {
      setError(failed.status === 401 ? new Error("This link was used before, has expired, or was revoked. Ask for a new one.") : failed);
    }
  }
  return html`<main class="gate"><div class="card"><h1>Your webhooks</h1>
    <p class="dim">See what was delivered to your endpoints, and manage them.</p>
    <${Failure} error=${error} />
    ${!error && html`<${Button} kind="primary wide" busy=${busy} onClick=${open}>Open the portal</${Button}>`}
  </div></main>`;
}
