// Server-Sent Events by fetch: unlike EventSource it sends headers, so that the operator's tenant comes along.
import { headers } from "./api.js";
import { signedOut } from "./session.js";

const PAUSE = 3000;

// Calls `onEvent({id, event, data})` for each event until `signal` aborts; resumes where it was cut off.
export async function follow(path, { signal, onEvent, onState }) {
  let last = null;
  while (!signal.aborted) {
    try {
      const more = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await fetch(path, { headers: headers("GET", more), signal });
      if (answer.status === 401) return signedOut();
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      onState("open");
      for await (const event of events(answer.body)) {
        last = event.id ?? last;
        if (event.data !== undefined) onEvent(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      onState("lost");
    }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    yield* blocks.map(parsed);
  }
}

function parsed(block) {
  const event = { event: "message" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
  }
  return event;
}
