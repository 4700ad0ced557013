/** Deliveries: what was sent, when, and why. */

import type { Attempt, Delivery, DeliveryDetail, Filters } from "./models.js";
import { type Page, Pages } from "./pages.js";
import { type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

/** `ringback.deliveries`. */
export class Deliveries {
  constructor(private readonly wire: Wire) {}

  /** Return a delivery, with every attempt made and still to come. */
  get(deliveryId: string): Promise<DeliveryDetail> {
    return unwrap(this.wire.http.GET("/v1/deliveries/{delivery}", this.#of(deliveryId)));
  }

  /** Send it again, at once, whatever its state. */
  resend(deliveryId: string, options: CallOptions = {}): Promise<Delivery> {
    const headers = headersOf(options);
    return unwrap(this.wire.http.POST("/v1/deliveries/{delivery}/resend", { ...this.#of(deliveryId), headers }));
  }

  /** Send it no more. Throws a `ConflictError` if it has ended. */
  cancel(deliveryId: string, options: CallOptions = {}): Promise<Delivery> {
    const headers = headersOf(options);
    return unwrap(this.wire.http.POST("/v1/deliveries/{delivery}/cancel", { ...this.#of(deliveryId), headers }));
  }

  /** List the attempts of a delivery: request, answer or error, durations. */
  attempts(deliveryId: string, query: Filters<"/v1/deliveries/{delivery}/attempts"> = {}): Pages<Attempt> {
    const path = { delivery: named(deliveryId) };
    return new Pages((more) => {
      const params = { path, query: { ...query, ...more } };
      const page: unknown = unwrap(this.wire.http.GET("/v1/deliveries/{delivery}/attempts", { params }));
      return page as Promise<Page<Attempt>>; // openapi-fetch takes a tuple, such as a header, for a list
    });
  }

  /** List deliveries, newest first. */
  list(query: Filters<"/v1/deliveries"> = {}): Pages<Delivery> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/deliveries", { params: { query: { ...query, ...more } } })),
    );
  }

  #of(deliveryId: string): { params: { path: { delivery: string } } } {
    return { params: { path: { delivery: named(deliveryId) } } };
  }
}
