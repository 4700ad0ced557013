// Starts the dashboard: finds out who looks, then shows the page that the address names.
import { html, render, useEffect, useState } from "./lib/ui.js";
import { chooseTenant, chosenTenant, readSession, onSignedOut } from "./lib/session.js";
import { get } from "./lib/api.js";
import { useRoute } from "./lib/router.js";
import { applyTheme } from "./lib/theme.js";
import { visible } from "./lib/visible.js";
import { Shell } from "./parts/shell.js";
import { PageHost } from "./parts/page_host.js";
import { Toasts, toast } from "./parts/toasts.js";
import { NotStarted, SignIn } from "./parts/sign_in.js";
import { OpenPortal, isPortalLink } from "./parts/open_portal.js";

function App() {
  const [state, setState] = useState({ phase: "starting" });
  const route = useRoute();
  useEffect(() => {
    onSignedOut(() => setState({ phase: "signed-out" }));
    if (isPortalLink()) setState({ phase: "portal-link" });
    else enter();
  }, []);
  async function enter() {
    try {
      const session = await readSession();
      if (session) applyTheme(session);
      if (session?.kind === "operator") await findTenant();
      setState(session ? { phase: "in", session } : { phase: "signed-out" });
    } catch (error) {
      setState(error.status === 401 ? { phase: "signed-out" } : { phase: "failed", error });
    }
  }
  function retry() {
    setState({ phase: "starting" });
    enter();
  }
  if (state.phase === "starting") return html`<p class="starting" role="status">Starting…</p>`;
  if (state.phase === "portal-link") return html`<${OpenPortal} onOpened=${enter} />`;
  if (state.phase === "failed") return html`<${NotStarted} error=${state.error} retry=${retry} />`;
  if (state.phase === "signed-out") return html`<${SignIn} onSignedIn=${enter} />`;
  return html`<${Shell} session=${state.session} route=${route}>
      <${PageHost} session=${state.session} route=${route} />
    </${Shell}>
    <${Toasts} />`;
}

// The operator acts for the tenant that was chosen last, or for the newest one where that is gone.
async function findTenant() {
  const chosen = chosenTenant();
  if (chosen && (await isTenant(chosen))) return;
  const { data } = await get("/v1/tenants", { limit: 1 });
  chooseTenant(data[0]?.slug ?? null);
  if (chosen && data.length) toast(`There is no tenant ${visible(chosen)} any more. You act for ${visible(data[0].name)}.`);
}

async function isTenant(slug) {
  try {
    return Boolean(await get(`/v1/tenants/${encodeURIComponent(slug)}`));
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

render(html`<${App} />`, document.getElementById("app"));
