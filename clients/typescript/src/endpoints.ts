/** Endpoints: the URLs that partners are called back at. */

import type {
  Ack,
  Cancelled,
  components,
  Delivery,
  Endpoint,
  EndpointFields,
  EndpointPatch,
  EndpointSecret,
  EndpointStats,
  Filters,
  Missed,
  NewEndpoint,
  Pulled,
  Recovery,
  Task,
} from "./models.js";
import { Pages } from "./pages.js";
import { type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

/** `ringback.endpoints`. */
export class Endpoints {
  constructor(private readonly wire: Wire) {}

  /** Register a URL; the answer's `secret` is what its receiver verifies by. */
  create(fields: EndpointFields, options: CallOptions = {}): Promise<NewEndpoint> {
    const body = fields as components["schemas"]["EndpointIn"]; // what has a default need not be there
    return unwrap(this.wire.http.POST("/v1/endpoints", { body, headers: headersOf(options) }));
  }

  /** Return an endpoint. */
  get(endpointId: string): Promise<Endpoint> {
    return unwrap(this.wire.http.GET("/v1/endpoints/{endpoint}", this.#of(endpointId)));
  }

  /** Change what is named; `null` means the default again. */
  update(endpointId: string, body: EndpointPatch): Promise<Endpoint> {
    return unwrap(this.wire.http.PATCH("/v1/endpoints/{endpoint}", { ...this.#of(endpointId), body }));
  }

  /** Delete an endpoint; what waits for it is cancelled. */
  async delete(endpointId: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/endpoints/{endpoint}", this.#of(endpointId)));
  }

  /** Let its deliveries go, after a pause or after the platform disabled it. */
  enable(endpointId: string): Promise<Endpoint> {
    return unwrap(this.wire.http.POST("/v1/endpoints/{endpoint}/enable", this.#of(endpointId)));
  }

  /** Hold its deliveries back until `enable`. */
  pause(endpointId: string): Promise<Endpoint> {
    return unwrap(this.wire.http.POST("/v1/endpoints/{endpoint}/pause", this.#of(endpointId)));
  }

  /** Return its secret or public key; the API key needs the scope `secrets:read`. */
  secret(endpointId: string): Promise<EndpointSecret> {
    return unwrap(this.wire.http.GET("/v1/endpoints/{endpoint}/secret", this.#of(endpointId)));
  }

  /** Replace its secret; both sign for `overlap` seconds, a day unless told. */
  rotateSecret(
    endpointId: string,
    options: CallOptions & { overlap?: number; secret?: string } = {},
  ): Promise<EndpointSecret> {
    const { idempotencyKey, ...fields } = options;
    return unwrap(
      this.wire.http.POST("/v1/endpoints/{endpoint}/secret/rotate", {
        ...this.#of(endpointId),
        body: fields as { overlap: number },
        headers: headersOf(options),
      }),
    );
  }

  /** Send a sample event to this endpoint alone, at once. */
  test(endpointId: string, options: CallOptions & { event_type?: string } = {}): Promise<Delivery> {
    const { idempotencyKey, ...body } = options;
    return unwrap(
      this.wire.http.POST("/v1/endpoints/{endpoint}/test", {
        ...this.#of(endpointId),
        body,
        headers: headersOf(options),
      }),
    );
  }

  /** Cancel what waits for it: all of it, or what was made before a time, or of some types. */
  cancel(endpointId: string, body: { before?: string; event_types?: string[] } = {}): Promise<Cancelled> {
    return unwrap(this.wire.http.POST("/v1/endpoints/{endpoint}/cancel", { ...this.#of(endpointId), body }));
  }

  /** Reopen what it missed since then, by a task that `tasks.wait` waits for. */
  recover(endpointId: string, body: Recovery, options: CallOptions = {}): Promise<Task> {
    const headers = headersOf(options, { Prefer: "respond-async" });
    return unwrap(
      this.wire.http.POST("/v1/endpoints/{endpoint}/recover", { ...this.#of(endpointId), body, headers }),
    );
  }

  /** Count what a recover of this window would reopen; changes nothing. */
  previewRecover(endpointId: string, query: Filters<"/v1/endpoints/{endpoint}/recover"> = {}): Promise<Missed> {
    const params = { path: { endpoint: named(endpointId) }, query };
    return unwrap(this.wire.http.GET("/v1/endpoints/{endpoint}/recover", { params }));
  }

  /** Send it good and bad requests, to see what it makes of them, by a task that `tasks.wait` waits for. */
  check(endpointId: string, options: CallOptions = {}): Promise<Task> {
    const headers = headersOf(options, { Prefer: "respond-async" });
    return unwrap(this.wire.http.POST("/v1/endpoints/{endpoint}/check", { ...this.#of(endpointId), headers }));
  }

  /**
   * Lease deliveries of an endpoint with `mode: "pull"`, each as the signed request that a push would have been.
   *
   * `wait` is how many seconds to wait for the first, 60 at most. Each is to be acknowledged before its `leased_until`;
   * what is not counts as an attempt `unknown`, and comes again.
   */
  async pull(endpointId: string, options: CallOptions & { max?: number; wait?: number } = {}): Promise<Pulled[]> {
    const { max = 10, wait = 0 } = options;
    const page = await unwrap(
      this.wire.http.POST("/v1/endpoints/{endpoint}/pull", {
        ...this.#of(endpointId),
        body: { max, wait },
        headers: headersOf(options),
        fetch: this.wire.fetchWithin(wait * 1000 + this.wire.timeout),
      }),
    );
    return page.data;
  }

  /** Say what became of pulled deliveries, 100 at most; return them as they stand then. */
  async ack(endpointId: string, acks: Ack[], options: CallOptions = {}): Promise<Delivery[]> {
    const body = { acks } as { acks: never[] }; // openapi-fetch sees neither defaults nor the one of two
    const call = this.wire.http.POST("/v1/endpoints/{endpoint}/ack", {
      ...this.#of(endpointId),
      body,
      headers: headersOf(options),
    });
    return (await unwrap(call)).data;
  }

  /** Return its success rate, latencies and errors over an hour, a day and a week, and what waits. */
  stats(endpointId: string): Promise<EndpointStats> {
    return unwrap(this.wire.http.GET("/v1/endpoints/{endpoint}/stats", this.#of(endpointId)));
  }

  /** List endpoints, newest first. */
  list(query: Filters<"/v1/endpoints"> = {}): Pages<Endpoint> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/endpoints", { params: { query: { ...query, ...more } } })),
    );
  }

  #of(endpointId: string): { params: { path: { endpoint: string } } } {
    return { params: { path: { endpoint: named(endpointId) } } };
  }
}
