/** What the API takes and answers, by the words that one says; `components["schemas"]` has all of it. */

import type { components, paths } from "./generated/schema.js";

export type { components, paths };

type Schemas = components["schemas"];

export type Attempt = Schemas["AttemptOut"];
export type Batch = Schemas["BatchOut"];
export type Cancelled = Schemas["CancelledOut"];
export type Delivery = Schemas["DeliveryOut"];
export type DeliveryDetail = Schemas["DeliveryDetailOut"];
export type Endpoint = Schemas["EndpointOut"];
export type EndpointPatch = Schemas["EndpointPatch"];
export type EndpointSecret = Schemas["EndpointSecretOut"];
export type EndpointStats = Schemas["EndpointStatsOut"];
export type Event = Schemas["EventOut"];
export type EventType = Schemas["EventTypeOut"];
export type EventTypeFields = Schemas["EventTypeIn"];
export type Key = Schemas["KeyOut"];
/** An attempt as it was recorded, without headers and bodies; the document has no words for what is in a stream. */
export interface LiveAttempt
  extends Pick<
    Attempt,
    "id" | "delivery_id" | "number" | "trigger" | "outcome" | "error" | "note" | "address" | "duration_ms" | "started_at"
  > {
  event_id: string;
  event_type: string;
  endpoint_id: string | null;
  task_id: string | null;
  url: string | null;
  response_status: number | null;
  /** Where it stands in the stream: given as `after`, the stream goes on behind it. */
  place: string;
}
export type Missed = Schemas["MissedOut"];
export type NewEndpoint = Schemas["NewEndpointOut"];
export type NewKey = Schemas["NewKeyOut"];
export type NewPortalLink = Schemas["NewPortalLinkOut"];
export type PortalLink = Schemas["PortalLinkOut"];
export type Problem = Schemas["Problem"];
export type FieldError = Schemas["ProblemField"];
export type Recovery = Schemas["RecoveryIn"];
export type Pulled = Schemas["PulledOut"];
export type Ack = { claim: string; body?: string; duration_ms?: number; retry_after?: number; abort?: boolean } & (
  | { status: number }
  | { error: NonNullable<Schemas["AckIn"]["error"]> }
);
export type Stats = Schemas["StatsOut"];
export type Secret = Schemas["SecretOut"];
export type Task = Schemas["TaskOut"];
export type TaskType = Schemas["TaskTypeOut"];
export type Tenant = Schemas["TenantOut"];
export type TenantPatch = Schemas["TenantPatch"];

/** What a list may be filtered by. */
export type Filters<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Query } } }
  ? NonNullable<Query>
  : never;

export type ExportFilters = Omit<Filters<"/v1/deliveries/export">, "format">;

/** Fields that have defaults need not be given. */
export type Given<Fields, Needed extends keyof Fields = never> = Partial<Fields> & Pick<Fields, Needed>;
export type EndpointFields = Given<Schemas["EndpointIn"], "url">;
export type PortalLinkFields = Given<Schemas["PortalLinkIn"], "owner">;
export type TenantFields = Given<Omit<Schemas["TenantIn"], "limits">, "slug" | "name"> & {
  limits?: Partial<Schemas["LimitsIn"]>;
};
export type KeyFields = { name: string; owner?: string; expires_at?: string } & (
  | { role: NonNullable<Schemas["KeyIn"]["role"]> }
  | { scopes: NonNullable<Schemas["KeyIn"]["scopes"]> }
);
