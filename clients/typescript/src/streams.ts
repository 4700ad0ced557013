/** Answers that are read while they come: lines, and Server-Sent Events made of them (WHATWG HTML, section 9.2). */

import { ConnectionFailedError } from "./errors.js";
import { pause } from "./retries.js";

/** Milliseconds between the end of a stream and the next try, as the API asks for. */
const RECONNECT = 3_000;
/** Milliseconds without a sign of life, of which there is one every 15 s, after which a stream counts as lost. */
const SILENCE = 45_000;

type Body = ReadableStream<Uint8Array> | null | undefined;

export interface StreamOptions {
  /** Ends the stream, as `break` does inside of the loop. */
  signal?: AbortSignal;
}

/** One event of a stream; without data it only says after which ID to go on. */
export interface ServerEvent {
  name: string;
  data: string;
  id: string | undefined;
}

/** Yield the events of a stream without end: one that is cut off is opened again where it stopped. */
export async function* events(
  open: (headers: Record<string, string>) => Promise<Body>,
  { after, signal }: StreamOptions & { after?: string | undefined } = {},
): AsyncGenerator<ServerEvent, void, undefined> {
  let last = after;
  while (!signal?.aborted) {
    const body = await open({ Accept: "text/event-stream", ...(last === undefined ? {} : { "Last-Event-ID": last }) });
    try {
      for await (const event of parsed(lines(body, signal))) {
        last = event.id ?? last;
        if (event.data !== "") yield event;
      }
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
    }
    if (!signal?.aborted) await pause(RECONNECT);
  }
}

/** Yield the lines of a file, with their ends. Throws a `ConnectionFailedError` where it breaks off. */
export async function* file(body: Body, path: string): AsyncGenerator<string, void, undefined> {
  try {
    yield* lines(body);
  } catch (error) {
    throw error instanceof Cut ? new ConnectionFailedError("GET", path, 1, error.cause) : error;
  }
}

/** An answer that did not come to its end. */
class Cut extends Error {}

async function* lines(body: Body, signal?: AbortSignal): AsyncGenerator<string, void, undefined> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  const stop = () => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", stop);
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await audible(reader.read());
      if (done) return;
      const whole = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = whole.pop() ?? "";
      for (const line of whole) yield `${line}\n`;
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

async function* parsed(from: AsyncIterable<string>): AsyncGenerator<ServerEvent, void, undefined> {
  let [name, id, told]: [string, string | undefined, string | undefined] = ["message", undefined, undefined];
  let data: string[] = [];
  for await (const text of from) {
    const line = text.replace(/\r?\n$/, "");
    const [, field, value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (line === "") {
      if (data.length > 0 || id !== told) yield { name, data: data.join("\n"), id };
      [name, data, told] = ["message", [], id];
    } else if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id") id = value;
  }
}

async function audible<T>(read: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${SILENCE} ms`)), SILENCE);
  });
  try {
    return await Promise.race([read, silence]);
  } catch (error) {
    throw new Cut("the connection was lost", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
