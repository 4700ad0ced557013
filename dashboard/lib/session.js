// Who is signed in. The cookie is the browser's alone; the page knows the token that changes want.
import { parse } from "./exact.js";

const state = { session: null, signedOut: () => {} };
const SIGNED_IN = "ringback.signed-in";
const TENANT = "ringback.tenant";

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
  const answer = await fetch("/v1/session", { headers: { Accept: "application/json" } });
  if (answer.status === 401) return null;
  const document = parse(await answer.text());
  if (!answer.ok) throw new Error(document.detail);
  state.session = document;
  keep(SIGNED_IN, "yes");
  return document;
}

// Exchanges a key, or the token of a portal link, for a session.
export async function signIn(credential) {
  const answer = await fetch("/v1/session", { method: "POST", headers: { Authorization: `Bearer ${credential}` } });
  const document = parse(await answer.text());
  if (!answer.ok) throw Object.assign(new Error(document.detail), { status: answer.status });
  keep(SIGNED_IN, "yes");
  const check = await fetch("/v1/session");
  if (check.status === 401) {
    throw new Error("This browser did not keep the session's cookie. Open the dashboard by HTTPS, or allow cookies.");
  }
}

export async function signOut() {
  await fetch("/v1/session", { method: "DELETE", headers: { "Ringback-CSRF": state.session?.csrf_token ?? "" } });
  signedOut();
}

export function may(scope) {
  return state.session?.scopes.includes(scope) ?? false;
}

// For whom the operator acts.
export function chosenTenant() {
  return state.session?.kind === "operator" ? recall(TENANT) : null;
}

export function chooseTenant(slug) {
  keep(TENANT, slug);
}

function stores() {
  try {
    return Boolean(localStorage);
  } catch {
    return false;
  }
}

export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing for framed pages
  }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // as above: what was chosen lasts as long as the page
  }
}
