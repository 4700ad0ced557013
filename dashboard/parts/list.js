// A table whose rows come by cursor, and the filters above it, which live in the address.
import { html, useEffect, useRef } from "../lib/ui.js";
import { go } from "../lib/router.js";
import { Button, Empty, Failure } from "./basics.js";
import { Typed } from "./typed.js";

// Pages without a row that are read by themselves, one after the other: a search of a million rows.
const DRY = 50;

// `columns`: [head, cell(row), class?]. Each row leads to `to(row)`, by its first cell's link.
export function ListTable({ list, columns, label, empty, onRow, keyOf = (row) => row.id }) {
  const end = useRef(null);
  const reads = list.cursor && list.dry < DRY;
  useEffect(() => {
    if (!end.current || !reads) return undefined;
    const watch = new IntersectionObserver((seen) => seen[0].isIntersecting && list.more(), { rootMargin: "400px" });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [list.more, list.dry, reads]);
  if (list.error && !list.items.length) return html`<${Failure} error=${list.error} retry=${list.reload} />`;
  if (!list.loading && !list.items.length && !list.cursor) return empty ?? html`<${Empty} title="Nothing here">There is nothing to list.</${Empty}>`;
  if (!list.loading && !list.items.length) return html`<p class="starting" role="status">Nothing yet. ${reads ? "Looking further back…" : ""}</p>
    <div ref=${end}><${Button} kind="wide" onClick=${list.more}>Look further back</${Button}></div>`;
  return html`<${Failure} error=${list.error} retry=${list.reload} />
    <div class="scroll" tabindex="0" role="region" aria-label=${label}><table class="rows" aria-busy=${String(list.loading)}>
      <thead><tr>${columns.map(([head, , name]) => html`<th key=${head} scope="col" class=${name}>${head}</th>`)}</tr></thead>
      <tbody>${list.items.map((row) => html`<tr key=${keyOf(row)} onClick=${onRow && ((event) => follow(event, () => onRow(row)))} class=${onRow ? "leads" : ""}>
        ${columns.map(([head, cell, name]) => html`<td key=${head} class=${name}>${cell(row)}</td>`)}</tr>`)}
      </tbody></table></div>
    ${list.loading && html`<p class="starting" role="status">Loading…</p>`}
    <div ref=${end}>${list.cursor && html`<${Button} kind="wide" onClick=${list.more}>Load more</${Button}>`}</div>`;
}

// A click anywhere in a row opens it, unless it is meant for a link or a button, or selects text.
function follow(event, open) {
  if (event.target.closest("a, button, input, label") || String(getSelection())) return;
  open();
}

// `fields`: [name, label, options | "text" | "time", example?, known?]; `known` is [value, label] to choose from. What is chosen goes into the address, and the list follows.
export function Filters({ path, query, fields }) {
  function set(name, value) {
    go(path, { ...query, [name]: value || undefined }, { replace: true });
  }
  const active = fields.filter(([name]) => query[name]);
  return html`<form class="filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
    ${fields.map(([name, label, kind, example, known]) => html`<label key=${name} class=${query[name] ? "set" : ""}><span>${label}</span>
      ${Array.isArray(kind)
        ? html`<select value=${query[name] ?? ""} onChange=${(event) => set(name, event.currentTarget.value)}>
            <option value="">Any</option>
            ${kind.map((one) => html`<option key=${one} value=${one} selected=${query[name] === one}>${one}</option>`)}</select>`
        : html`<${Typed} type=${kind === "time" ? "datetime-local" : "text"} value=${shown(kind, query[name])} spellcheck=${false}
            autocomplete="off" placeholder=${example} list=${known?.length ? `known-${name}` : undefined} onChange=${(event) => set(name, read(kind, event.currentTarget.value.trim()))} />`}
      ${known?.length > 0 && html`<datalist id=${`known-${name}`}>${known.map(([value, told]) => html`<option key=${value} value=${value}>${told}</option>`)}</datalist>`}
    </label>`)}
    ${active.length > 0 && html`<${Button} kind="plain" onClick=${() => go(path, {}, { replace: true })}>Clear</${Button}>`}
  </form>`;
}

function shown(kind, value) {
  if (kind !== "time" || !value) return value ?? "";
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function read(kind, value) {
  return kind === "time" && value ? new Date(value).toISOString() : value;
}
