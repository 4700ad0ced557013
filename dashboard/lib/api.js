// Calls the public API with the session's cookie; errors are the API's problem documents.
import { parse } from "./exact.js";
import { chosenTenant, session, signedOut } from "./session.js";

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? "The server did not answer as expected.");
    this.status = status;
    this.problem = problem;
  }

  // What is wrong with which field, by its JSON Pointer.
  get fields() {
    return Object.fromEntries((this.problem.errors ?? []).map((one) => [one.pointer, one.detail]));
  }
}

export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

export function headers(method, more = {}) {
  const made = { Accept: "application/json", ...more };
  const tenant = chosenTenant();
  if (tenant) made["Ringback-Tenant"] = tenant;
  if (method !== "GET") made["Ringback-CSRF"] = session()?.csrf_token ?? "";
  return made;
}

async function call(method, path, { query, body, prefer, type = "application/json" } = {}) {
  const more = {};
  if (body !== undefined) more["Content-Type"] = type;
  if (prefer) more.Prefer = prefer;
  const sent = headers(method, more);
  if (path.startsWith("/v1/tenants")) delete sent["Ringback-Tenant"]; // acting for nobody: the one chosen may be gone
  const init = { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(address(path, query), init);
  } catch {
    throw new ApiError(0, { title: "No connection", detail: "The server cannot be reached. It is tried again." });
  }
  const text = await answer.text();
  const document = text ? read(text) : null;
  if (answer.status === 401) signedOut();
  if (!answer.ok) throw new ApiError(answer.status, document ?? {});
  return document;
}

function read(text) {
  try {
    return parse(text);
  } catch {
    return {};
  }
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body, more) => call("POST", path, { body, ...more });
export const put = (path, body) => call("PUT", path, { body });
export const patch = (path, body) => call("PATCH", path, { body, type: "application/merge-patch+json" });
export const remove = (path) => call("DELETE", path);
