// Numbers that keep their spelling: 1.000 and 2^64 are shown as they were sent.

const SOURCE = Symbol("source");

// Reads an answer, and keeps its text beside it for `exactly`.
export function parse(text) {
  const document = JSON.parse(text);
  if (document && typeof document === "object") document[SOURCE] = text;
  return document;
}

// Reads JSON that is to be written again, such as what is typed: its numbers are written as they stand there.
export function parseExactly(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  return JSON.parse(text, (_key, value, context) =>
    typeof value === "number" && context.source !== String(value) ? JSON.rawJSON(context.source) : value,
  );
}

// Returns a field of an answer, to be written again with its numbers as they came.
export function exact(document, field) {
  const source = document[SOURCE];
  return source ? parseExactly(source)[field] : document[field];
}

// Returns a field of an answer as JSON text, with its numbers as they came.
export function exactly(document, field) {
  return JSON.stringify(exact(document, field));
}

// Returns a field of an answer as a form shows it; nothing for one that is not there.
export function written(document, field) {
  return document[field] === null || document[field] === undefined ? "" : JSON.stringify(exact(document, field), null, 2);
}

// Reads a field of a form that holds JSON; throws what is said where it holds none.
export function typedIn(form, name) {
  try {
    return parseExactly(form.get(name));
  } catch {
    throw new Error(`The ${name} is not JSON.`);
  }
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;
const KINDS = { '"': "string", t: "word", f: "word", n: "word" };

// Indents JSON text without reading its values; returns pieces {text, kind}, or null for what is no JSON.
export function layOut(text, limit = 20000) {
  const compact = text.trim();
  if (!/^[[{]/.test(compact)) return null;
  try {
    JSON.parse(compact);
  } catch {
    return null;
  }
  return pieces(compact.match(TOKEN) ?? [], limit);
}

function pieces(tokens, limit) {
  const made = [];
  let depth = 0;
  const add = (text, kind) => made.push({ text, kind });
  for (let at = 0; at < tokens.length && made.length < limit; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (token === "{" || token === "[") {
      const empty = next === "}" || next === "]";
      if (!empty) depth += 1;
      add(empty ? token : `${token}\n${"  ".repeat(depth)}`, "mark");
    } else if (token === "}" || token === "]") {
      const empty = tokens[at - 1] === "{" || tokens[at - 1] === "[";
      if (!empty) depth -= 1;
      add(empty ? token : `\n${"  ".repeat(depth)}${token}`, "mark");
    } else if (token === ",") add(`,\n${"  ".repeat(depth)}`, "mark");
    else if (token === ":") add(": ", "mark");
    else if (token[0] === '"' && next === ":") add(token, "key");
    else add(token, KINDS[token[0]] ?? "number");
  }
  if (made.length >= limit) add("\n… cut here: see it raw", "mark");
  return made;
}
