/** Tenants, their keys, and the secret that signs for tasks. */

import type {
  components,
  Filters,
  Key,
  KeyFields,
  NewKey,
  Secret,
  Tenant,
  TenantFields,
  TenantPatch,
} from "./models.js";
import { Pages } from "./pages.js";
import { type CallOptions, headersOf, named, unwrap, type Wire } from "./wire.js";

/** `ringback.tenants`, for the operator. */
export class Tenants {
  constructor(private readonly wire: Wire) {}

  /** Make a tenant. */
  create(fields: TenantFields, options: CallOptions = {}): Promise<Tenant> {
    const body = fields as components["schemas"]["TenantIn"]; // what has a default need not be there
    return unwrap(this.wire.http.POST("/v1/tenants", { body, headers: headersOf(options) }));
  }

  /** Return a tenant by its ID or slug. */
  get(tenant: string): Promise<Tenant> {
    return unwrap(this.wire.http.GET("/v1/tenants/{tenant}", this.#of(tenant)));
  }

  /** Change what is named. */
  update(tenant: string, body: TenantPatch): Promise<Tenant> {
    return unwrap(this.wire.http.PATCH("/v1/tenants/{tenant}", { ...this.#of(tenant), body }));
  }

  /** Close a tenant: its keys die at once, its data is erased. */
  async delete(tenant: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/tenants/{tenant}", this.#of(tenant)));
  }

  /** List tenants, newest first. */
  list(query: Filters<"/v1/tenants"> = {}): Pages<Tenant> {
    return new Pages((more) =>
      unwrap(this.wire.http.GET("/v1/tenants", { params: { query: { ...query, ...more } } })),
    );
  }

  #of(tenant: string): { params: { path: { tenant: string } } } {
    return { params: { path: { tenant: named(tenant) } } };
  }
}

/** `ringback.keys`. */
export class Keys {
  constructor(private readonly wire: Wire) {}

  /** Make an API key of a role, or of scopes; its `key` is shown in this answer alone. */
  create(fields: KeyFields, options: CallOptions = {}): Promise<NewKey> {
    const body = fields as never; // openapi-fetch spells the choice between role and scopes in another way
    return unwrap(this.wire.http.POST("/v1/keys", { body, headers: headersOf(options) }));
  }

  /** Revoke a key; it stops working within 5 s. */
  async delete(keyId: string): Promise<void> {
    await unwrap(this.wire.http.DELETE("/v1/keys/{key}", { params: { path: { key: named(keyId) } } }));
  }

  /** List keys, newest first. */
  list(query: Filters<"/v1/keys"> = {}): Pages<Key> {
    return new Pages((more) => unwrap(this.wire.http.GET("/v1/keys", { params: { query: { ...query, ...more } } })));
  }
}

/** `ringback.secret`: what signs for tasks with a `webhook_url` and no secret of their own. */
export class DefaultSecret {
  constructor(private readonly wire: Wire) {}

  /** Return it; the API key needs the scope `secrets:read`. */
  get(): Promise<Secret> {
    return unwrap(this.wire.http.GET("/v1/secret"));
  }

  /** Replace it; both sign for `overlap` seconds, a day unless told. */
  rotate(options: CallOptions & { overlap?: number } = {}): Promise<Secret> {
    const { idempotencyKey, ...fields } = options;
    const body = fields as { overlap: number };
    return unwrap(this.wire.http.POST("/v1/secret/rotate", { body, headers: headersOf(options) }));
  }
}
