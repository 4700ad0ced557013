/** The client, and what hangs on it. */

import type { Client } from "openapi-fetch";
import { Deliveries } from "./deliveries.js";
import { Endpoints } from "./endpoints.js";
import { Events, EventTypes } from "./events.js";
import type { paths } from "./generated/schema.js";
import type { Filters, Stats } from "./models.js";
import { PortalLinks } from "./portal-links.js";
import { Tasks, TaskTypes } from "./tasks.js";
import { DefaultSecret, Keys, Tenants } from "./tenants.js";
import { type Options, unwrap, Wire } from "./wire.js";

/** A client of one Ringback, for one API key; safe to share. */
export class Ringback {
  readonly tasks: Tasks;
  readonly taskTypes: TaskTypes;
  readonly events: Events;
  readonly eventTypes: EventTypes;
  readonly endpoints: Endpoints;
  readonly deliveries: Deliveries;
  readonly portalLinks: PortalLinks;
  readonly tenants: Tenants;
  readonly keys: Keys;
  readonly secret: DefaultSecret;
  /** Every operation of the API, as openapi-fetch calls it, with the same retries and keys. */
  readonly http: Client<paths>;

  constructor(options: Options = {}) {
    const wire = new Wire(options);
    this.http = wire.http;
    this.tasks = new Tasks(wire);
    this.taskTypes = new TaskTypes(wire);
    this.events = new Events(wire);
    this.eventTypes = new EventTypes(wire);
    this.endpoints = new Endpoints(wire);
    this.deliveries = new Deliveries(wire);
    this.portalLinks = new PortalLinks(wire);
    this.tenants = new Tenants(wire);
    this.keys = new Keys(wire);
    this.secret = new DefaultSecret(wire);
  }
  /** Return how the tenant is: attempts over time, latencies, what waits, which endpoints fail. */
  stats(query: Filters<"/v1/stats"> = {}): Promise<Stats> {
    return unwrap(this.http.GET("/v1/stats", { params: { query } }));
  }
}
