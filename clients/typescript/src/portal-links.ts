/** Portal links: what shows a partner its own endpoints and deliveries. */

import type { components, Filters, NewPortalLink, PortalLink, PortalLinkFields } from "./models.js";
import { Pages } from "./pages.js";
import { type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

/** `ringback.portalLinks`. */
export class PortalLinks {
  constructor(private readonly wire: Wire) {}

  /** Make a link for a partner, which opens once; its `url` is shown here alone. */
  create(fields: PortalLinkFields, options: CallOptions = {}): Promise<NewPortalLink> {
    const body = fields as components["schemas"]["PortalLinkIn"]; // what has a default need not be there
    return unwrap(this.wire.http.POST("/v1/portal-links", { body, headers: headersOf(options) }));
  }

  /** Revoke a link. */
  async delete(linkId: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/portal-links/{link}", { params: { path: { link: named(linkId) } } }));
  }

  /** List links, newest first. */
  list(query: Filters<"/v1/portal-links"> = {}): Pages<PortalLink> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/portal-links", { params: { query: { ...query, ...more } } })),
    );
  }
}
