/** Deliveries: what was sent, when, and why. */

import type { Attempt, Delivery, DeliveryDetail, ExportFilters, Filters, LiveAttempt } from "./models.js";
import { type Page, Pages } from "./pages.js";
import { events, file, type StreamOptions } from "./streams.js";
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

  /**
   * Go over attempts as they are recorded, without end; from now on, or from behind the `place` of one of them.
   *
   * A connection that is lost is opened again where it stopped, without gap or repeat. Where more came meanwhile than
   * the API goes back for, `onGap` is called, and it goes on from now. One whose outcome came late comes a second time.
   */
  async *live(
    options: StreamOptions & { after?: string; onGap?: () => void } = {},
  ): AsyncGenerator<LiveAttempt, void, undefined> {
    const open = (headers: Record<string, string>) =>
      unwrap(this.wire.http.GET("/v1/stream", { headers, parseAs: "stream" }));
    for await (const event of events(open, options)) {
      if (event.name === "attempt") yield { ...(JSON.parse(event.data) as LiveAttempt), place: event.id ?? "" };
      else if (event.name === "reset") options.onGap?.();
    }
  }

  /**
   * Go over all deliveries that a list with the same filters names, newest first, by one request.
   *
   * Throws a `ConnectionFailedError` where it breaks off.
   */
  async *export(query: ExportFilters = {}): AsyncGenerator<Delivery, void, undefined> {
    for await (const line of this.#exported({ ...query, format: "ndjson" })) yield JSON.parse(line) as Delivery;
  }

  /** Go over the same as lines of CSV with their ends, the names of the columns first. */
  exportCsv(query: ExportFilters = {}): AsyncGenerator<string, void, undefined> {
    return this.#exported({ ...query, format: "csv" });
  }

  async *#exported(query: Filters<"/v1/deliveries/export">): AsyncGenerator<string, void, undefined> {
    const call = this.wire.http.GET("/v1/deliveries/export", { params: { query }, parseAs: "stream" });
    yield* file(await unwrap(call), "/v1/deliveries/export");
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
