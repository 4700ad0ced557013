// The address says what is shown: the path names the page, the query its filters.
import { html, useEffect, useState } from "./ui.js";
import { BASE } from "./session.js";

const listeners = new Set();

function here() {
  const path = location.pathname.slice(BASE.length).replace(/^\/+|\/+$/g, "");
  return { parts: path ? path.split("/").map(decodeURIComponent) : [], query: Object.fromEntries(new URLSearchParams(location.search)) };
}

export function useRoute() {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const follow = () => setRoute(here());
    listeners.add(follow);
    addEventListener("popstate", follow);
    return () => {
      listeners.delete(follow);
      removeEventListener("popstate", follow);
    };
  }, []);
  return route;
}

export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return `${BASE}/${path}${text ? `?${text}` : ""}`;
}

export function go(path, query, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", href(path, query));
  for (const listener of listeners) listener();
}

// A link within the dashboard; the browser's own ways to open it elsewhere stay as they are.
export function Link({ to, query, children, class: name, ...more }) {
  function follow(event) {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to, query);
  }
  return html`<a href=${href(to, query)} class=${name} onClick=${follow} ...${more}>${children}</a>`;
}
