export { Ringback } from "./client.js";
export * from "./errors.js";
export type { EventOptions, NewEvent } from "./events.js";
export type * from "./models.js";
export { type Page, Pages } from "./pages.js";
export { pauseAfter, RETRY, type Retry, retryAfter } from "./retries.js";
export type { TaskOptions, WaitOptions } from "./tasks.js";
export { type Message, Webhook } from "./webhooks.js";
export type { CallOptions, Options } from "./wire.js";
