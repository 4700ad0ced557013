// Brings the page that the address names; its script is fetched when it is first looked at.
import { Component, html, useEffect, useRef, useState } from "../lib/ui.js";
import { chosenTenant, may } from "../lib/session.js";
import { Link } from "../lib/router.js";
import { Empty, Failure, Head } from "./basics.js";

const PAGES = {
  "": () => import("../pages/overview.js"),
  deliveries: () => import("../pages/deliveries.js"),
  delivery: () => import("../pages/delivery.js"),
  events: () => import("../pages/events.js"),
  event: () => import("../pages/event.js"),
  endpoints: () => import("../pages/endpoints.js"),
  endpoint: () => import("../pages/endpoint.js"),
  tasks: () => import("../pages/tasks.js"),
  task: () => import("../pages/task.js"),
  live: () => import("../pages/live.js"),
  "event-types": () => import("../pages/event_types.js"),
  "event-type": () => import("../pages/event_type.js"),
  keys: () => import("../pages/keys.js"),
  tenants: () => import("../pages/tenants.js"),
};
const LATER = 2000;
const ONE_OF = {
  deliveries: "delivery", events: "event", endpoints: "endpoint", tasks: "task", "event-types": "event-type",
};

export function PageHost({ session, route }) {
  const [place = "", id] = route.parts;
  const name = id && ONE_OF[place] ? ONE_OF[place] : place;
  const [page, setPage] = useState(null);
  const before = useRef(null);
  const where = route.parts.join("/");
  useEffect(() => {
    let wanted = true;
    const show = (Page, error) => wanted && setPage({ name, Page, error });
    if (PAGES[name]) PAGES[name]().then((found) => show(found.Page), (error) => show(null, error));
    else show(Missing);
    return () => {
      wanted = false;
    };
  }, [name]);
  useEffect(() => {
    if (page) fetchOthers();
  }, [page === null]);
  useEffect(() => {
    if (page?.name !== name) return;
    if (before.current !== null && before.current !== where) {
      scrollTo(0, 0);
      requestAnimationFrame(() => document.querySelector("main h1")?.focus({ preventScroll: true }));
    }
    before.current = where;
  }, [where, page]);
  if (session.kind === "operator" && !chosenTenant() && place !== "tenants") return html`<${NoTenant} />`;
  if (!place && !may("deliveries:read")) return html`<${NoOverview} />`;
  if (page === null || page.name !== name) return html`<p class="starting" role="status">Loading…</p>`;
  if (page.error) return html`<${Broken} error=${page.error} />`;
  return html`<${Guard} key=${where}><${page.Page} id=${id} query=${route.query} session=${session} /></${Guard}>`;
}

// A page that breaks says so, and leaves the others whole.
class Guard extends Component {
  componentDidCatch(error) {
    this.setState({ error });
  }

  render() {
    return this.state.error ? html`<${Broken} error=${this.state.error} />` : this.props.children;
  }
}

function Broken({ error }) {
  return html`<${Head} title="This page broke" /><${Failure} error=${error} retry=${() => location.reload()} />`;
}

// What is not looked at yet comes later, so that the first page waits for itself alone.
function fetchOthers() {
  setTimeout(() => Promise.allSettled(Object.values(PAGES).map((load) => load())), LATER);
}

function Missing() {
  return html`<${Head} title="There is no such page" />
    <${Empty} title="The address leads nowhere">Go to the <${Link} to="">overview</${Link}>.</${Empty}>`;
}

function NoOverview() {
  return html`<${Head} title="Welcome" />
    <${Empty} title="Choose a page on the left">This key does not read deliveries, so that there is no overview.</${Empty}>`;
}

function NoTenant() {
  return html`<${Head} title="No tenant yet" />
    <${Empty} title="Make the first tenant">Everything belongs to a tenant. <${Link} to="tenants">Go to the tenants</${Link}> and make one.</${Empty}>`;
}
