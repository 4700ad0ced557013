// Data that pages show: read once, read again while the page is looked at, read on at the end of a list.
import { useCallback, useEffect, useRef, useState } from "./ui.js";
import { get } from "./api.js";

const PATIENCE = 30000; // milliseconds in which an answer is waited for before the same is asked again
const LATER = 5000;

// Reads by `read` whenever `what` changes, and every so many milliseconds while the page is visible.
export function useLoad(read, what, every = 0) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const turns = useTurns(what);
  const reload = useCallback(() => taken(turns, read, ({ data, error }) =>
    setState((known) => (error ? { data: error.status === 404 ? null : known.data, error, loading: false } : { data, error: null, loading: false }))), what);
  useEffect(() => {
    setState((known) => ({ ...known, loading: true }));
    reload();
  }, what);
  const wanted = typeof every === "function" ? every(state.data) : every;
  useEvery(useCallback(() => idle(turns) && reload(), what), wanted || (state.error?.status === 0 ? LATER : 0));
  return { ...state, reload };
}

// The reads of one thing, which may overlap; for another thing they are counted anew.
function useTurns(what) {
  const turns = useRef(null);
  turns.current ??= none();
  useEffect(() => () => {
    turns.current = none();
  }, what);
  return turns;
}

const none = () => ({ begun: 0, at: 0, open: 0, shown: 0 });

const idle = ({ current }) => !current.open || Date.now() - current.at > PATIENCE;

// Reads, and gives what came of it to `take`: unless what was asked for later is shown already, or nobody looks any more.
async function taken(turns, read, take) {
  const mine = turns.current;
  const turn = (mine.begun += 1);
  mine.open += 1;
  mine.at = Date.now();
  const found = {};
  try {
    found.data = await read();
  } catch (error) {
    found.error = error;
  }
  mine.open -= 1;
  if (mine !== turns.current || turn < mine.shown) return;
  mine.shown = turn;
  take(found);
}

export function useEvery(action, milliseconds) {
  useEffect(() => {
    if (!milliseconds) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") action();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [action, milliseconds]);
}

const PAGE = 50;
const MOST = 2000; // rows that are kept while others come in

// A list by cursor: its pages so far, the first of them read again now and then, so that new rows come in on top.
// A page may hold nothing and the list go on all the same; `dry` counts how many in a row did.
export function useList(path, query, { every = 4000, key = "id" } = {}) {
  const what = [path, JSON.stringify(query)];
  const [state, setState] = useState(EMPTY);
  const [first, further] = [useTurns(what), useTurns(what)];
  const read = useCallback((turns, cursor) => {
    const asked = { limit: PAGE, ...query, cursor };
    return taken(turns, () => get(path, asked), ({ data, error }) =>
      setState((known) => (error ? { ...known, error, loading: false } : merged(known, data, cursor, asked.limit, key))));
  }, what);
  const reload = useCallback(() => read(first), what);
  useEffect(() => {
    setState(EMPTY);
    reload();
  }, what);
  useEvery(useCallback(() => idle(first) && idle(further) && reload(), what), every);
  const more = useCallback(() => {
    if (!state.cursor || (further.current.cursor === state.cursor && !idle(further))) return;
    further.current.cursor = state.cursor;
    read(further, state.cursor);
  }, [read, state.cursor]);
  return { ...state, more, reload };
}

// `pages` counts those that brought rows; `ends` has the cursor that goes on behind a row.
const EMPTY = { items: [], cursor: null, error: null, loading: true, dry: 0, pages: 1, ends: new Map() };

function merged(known, page, cursor, limit, key) {
  const shown = { ...EMPTY, items: page.data, cursor: page.next_cursor, loading: false };
  const end = [page.data.at(-1)?.[key], page.next_cursor];
  if (cursor) {
    if (cursor !== known.cursor) return known; // the list begins anew since, and would have a hole
    const held = new Set(known.items.map((one) => one[key]));
    const added = page.data.filter((one) => !held.has(one[key]));
    const read = added.length ? { dry: 0, pages: known.pages + 1 } : { dry: known.dry + 1, pages: known.pages };
    return { ...shown, ...read, items: [...known.items, ...added], ends: new Map([...known.ends, end]) };
  }
  const read_on = known.pages > 1 || known.dry > 0;
  if (known.loading || !page.next_cursor || !read_on) return { ...shown, ends: new Map([end]) };
  const last = known.items.findIndex((one) => one[key] === page.data.at(-1)?.[key]);
  if (last < 0 && page.data.length) return { ...shown, ends: new Map([end]) }; // more came in than one page shows
  const fresh = new Set(page.data.map((one) => one[key]));
  const older = known.items.slice(last + 1).filter((one) => !fresh.has(one[key]));
  const items = [...page.data, ...older];
  const held = new Set(items.map((one) => one[key]));
  const ends = new Map([...known.ends, end].filter(([one]) => held.has(one)));
  const list = { ...known, items, error: null, ends };
  return items.length > known.items.length ? cut(list, Math.min(known.pages * limit, MOST), key) : list;
}

// What new rows push beyond the pages that were asked for is left out, from a row on behind which the list can be read on.
function cut(list, most, key) {
  const at = list.items.findIndex((one, place) => place >= most - 1 && list.ends.has(one[key]));
  if (at < 0 || at === list.items.length - 1) return list;
  return { ...list, items: list.items.slice(0, at + 1), cursor: list.ends.get(list.items[at][key]), dry: 0 };
}
