/** Events, and the catalogue of their types. */

import type { Batch, Delivery, Event, EventType, EventTypeFields, Filters } from "./models.js";
import { Pages } from "./pages.js";
import { type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

export interface EventOptions {
  /** Your own ID: the same one with the same content is one event, for 30 days. */
  id?: string;
  timestamp?: string;
  ordering_key?: string;
}

export interface NewEvent extends EventOptions {
  type: string;
  data: unknown;
}

/** `ringback.events`. */
export class Events {
  constructor(private readonly wire: Wire) {}

  /** Send an event; once this returns, it is recorded and will be delivered. */
  send(type: string, data: unknown, options: EventOptions & CallOptions = {}): Promise<Event> {
    const { idempotencyKey, ...fields } = options;
    const body = { type, data, ...fields };
    return unwrap(this.wire.http.POST("/v1/events", { body, headers: headersOf(options) }));
  }

  /** Send up to 1,000 events and return what became of each, in their order; a bad one spoils no other. */
  sendBatch(events: NewEvent[], options: CallOptions = {}): Promise<Batch> {
    return unwrap(this.wire.http.POST("/v1/events/batch", { body: events, headers: headersOf(options) }));
  }

  /** Return an event. */
  get(eventId: string): Promise<Event> {
    return unwrap(this.wire.http.GET("/v1/events/{event}", this.#of(eventId)));
  }

  /** Send an old event again: to that endpoint, subscribed or not, else to what matches now. */
  replay(eventId: string, options: CallOptions & { endpoint_id?: string } = {}): Promise<Event> {
    const { idempotencyKey, ...body } = options;
    return unwrap(
      this.wire.http.POST("/v1/events/{event}/replay", { ...this.#of(eventId), body, headers: headersOf(options) }),
    );
  }

  /** Erase an event's data everywhere; its record stays. */
  async erasePayload(eventId: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/events/{event}/payload", this.#of(eventId)));
  }

  /** List the deliveries of an event. */
  deliveries(eventId: string, query: Filters<"/v1/events/{event}/deliveries"> = {}): Pages<Delivery> {
    const path = { event: named(eventId) };
    return new Pages((more) =>
      unwrap(
        this.wire.http.GET("/v1/events/{event}/deliveries", { params: { path, query: { ...query, ...more } } }),
      ),
    );
  }

  /** List events, newest first. */
  list(query: Filters<"/v1/events"> = {}): Pages<Event> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/events", { params: { query: { ...query, ...more } } })),
    );
  }

  #of(eventId: string): { params: { path: { event: string } } } {
    return { params: { path: { event: named(eventId) } } };
  }
}

/** `ringback.eventTypes`. */
export class EventTypes {
  constructor(private readonly wire: Wire) {}

  /** Describe a type of events; with a `schema`, events that do not fit are refused. */
  put(name: string, body: EventTypeFields): Promise<EventType> {
    return unwrap(this.wire.http.PUT("/v1/event-types/{name}", { ...this.#of(name), body }));
  }

  /** Return what the catalogue says of a type. */
  get(name: string): Promise<EventType> {
    return unwrap(this.wire.http.GET("/v1/event-types/{name}", this.#of(name)));
  }

  /** Forget what the catalogue says of a type. */
  async delete(name: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/event-types/{name}", this.#of(name)));
  }

  /** List the catalogue. */
  list(query: Filters<"/v1/event-types"> = {}): Pages<EventType> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/event-types", { params: { query: { ...query, ...more } } })),
    );
  }

  #of(name: string): { params: { path: { name: string } } } {
    return { params: { path: { name: named(name) } } };
  }
}
