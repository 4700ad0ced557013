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
  const text = await (await answered(address(path, query), init)).text();
  return text ? read(text) : null;
}

// What comes of a request without an answer: pages read again by themselves; a change is sent once, and may have got there.
function next(method) {
  if (method === "GET") return " It is tried again.";
  return method ? " Whether this was done is not known: look before you try again." : "";
}

async function answered(where, init) {
  let answer;
  try {
    answer = await fetch(where, init);
  } catch {
    throw new ApiError(0, { title: "No connection", detail: `The server cannot be reached.${next(init.method)}` });
  }
  if (answer.status === 401) signedOut();
  if (!answer.ok) throw new ApiError(answer.status, read(await answer.text()));
  return answer;
}

// Saves what is answered as a file.
export async function save(where, name) {
  const answer = await answered(where, { headers: headers("GET", { Accept: "*/*" }) });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
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
