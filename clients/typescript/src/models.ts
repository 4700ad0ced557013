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
export type Missed = Schemas["MissedOut"];
export type NewEndpoint = Schemas["NewEndpointOut"];
export type NewKey = Schemas["NewKeyOut"];
export type NewPortalLink = Schemas["NewPortalLinkOut"];
export type PortalLink = Schemas["PortalLinkOut"];
export type Problem = Schemas["Problem"];
export type FieldError = Schemas["ProblemField"];
export type Recovery = Schemas["RecoveryIn"];
export type Secret = Schemas["SecretOut"];
export type Task = Schemas["TaskOut"];
export type TaskType = Schemas["TaskTypeOut"];
export type Tenant = Schemas["TenantOut"];
export type TenantPatch = Schemas["TenantPatch"];

/** What a list may be filtered by. */
export type Filters<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Query } } }
  ? NonNullable<Query>
  : never;

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
