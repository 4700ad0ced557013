// Who is signed in. The cookie is the browser's alone; the page knows the token that changes want.
import { parse } from "./exact.js";

const state = { session: null, tenant: null, signedOut: () => {} };
const SIGNED_IN = "ringback.signed-in";
const TENANT = "ringback.tenant";
const PATH = "/v1/session";
const TAB = "sessionStorage";
const BROWSER = "localStorage";

export const BASE = location.pathname.startsWith("/dashboard/portal") ? "/dashboard/portal" : "/dashboard";

export function session() {
  return state.session;
}

export function onSignedOut(listener) {
  state.signedOut = listener;
}

export function signedOut() {
  state.session = null;
  keep(SIGNED_IN, null);
  state.signedOut();
}

// Without a session there is nothing to ask: browsers write each refusal into their console.
export async function readSession() {
  if (stores() && !recall(SIGNED_IN)) return null;
  const answer = await ask({ headers: { Accept: "application/json" } });
  if (answer.status === 401) return null;
  if (!answer.ok) throw await refusal(answer);
  state.session = parse(await answer.text());
  keep(SIGNED_IN, "yes");
  return state.session;
}

// Exchanges a key, or the token of a portal link, for a session.
export async function signIn(credential) {
  const answer = await ask({ method: "POST", headers: { Authorization: `Bearer ${credential}` } });
  if (!answer.ok) throw await refusal(answer);
  keep(SIGNED_IN, "yes");
  const check = await ask();
  if (check.status === 401) {
    throw new Error("This browser did not keep the session's cookie. Open the dashboard by HTTPS, or allow cookies.");
  }
}

// Nobody is told to be signed out whose session may live on.
export async function signOut() {
  const answer = await ask({ method: "DELETE", headers: { "Ringback-CSRF": state.session?.csrf_token ?? "" } });
  if (answer.status === 403) throw new Error("This browser signed in again since this page was opened: load it again.");
  if (!answer.ok && answer.status !== 401) throw await refusal(answer);
  signedOut();
}

async function ask(init) {
  try {
    return await fetch(PATH, init);
  } catch {
    throw new Error("The server cannot be reached.");
  }
}

// What an answer refuses with; one of a proxy is no document.
async function refusal(answer) {
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail ?? "The server did not answer as expected.");
  return Object.assign(error, { status: answer.status, problem });
}

export function may(scope) {
  return state.session?.scopes.includes(scope) ?? false;
}

// For whom the operator acts: it stays so while the page lasts, and when this tab loads it again, whatever is chosen in
// another tab; a new tab begins with what was chosen last.
export function chosenTenant() {
  if (state.session?.kind !== "operator") return null;
  if (!state.tenant) hold(recall(TENANT, TAB) ?? recall(TENANT));
  return state.tenant;
}

export function chooseTenant(slug) {
  hold(slug);
  keep(TENANT, slug);
}

function hold(slug) {
  state.tenant = slug;
  keep(TENANT, slug, TAB);
}

function stores() {
  try {
    return Boolean(localStorage);
  } catch {
    return false;
  }
}

export function recall(name, where = BROWSER) {
  try {
    return globalThis[where].getItem(name);
  } catch {
    return null; // a browser that keeps nothing for framed pages
  }
}

export function keep(name, value, where = BROWSER) {
  try {
    if (value === null) globalThis[where].removeItem(name);
    else globalThis[where].setItem(name, value);
  } catch {
    // as above: what was chosen lasts as long as the page
  }
}
