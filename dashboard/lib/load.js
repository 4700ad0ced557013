// Data that pages show: read once, read again while the page is looked at, read on at the end of a list.
import { useCallback, useEffect, useRef, useState } from "./ui.js";
import { get } from "./api.js";

// Reads by `read` whenever `what` changes, and every so many milliseconds while the page is visible.
export function useLoad(read, what, every = 0) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const turn = (latest.current += 1);
    try {
      const data = await read();
      if (turn === latest.current) setState({ data, error: null, loading: false });
    } catch (error) {
      if (turn === latest.current) setState((known) => ({ data: known.data, error, loading: false }));
    }
  }, what);
  useEffect(() => {
    setState((known) => ({ ...known, loading: true }));
    reload();
    return () => {
      latest.current += 1;
    };
  }, what);
  useEvery(reload, typeof every === "function" ? every(state.data) : every);
  return { ...state, reload };
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

// A list by cursor: its pages so far, the first of them read again now and then, so that new rows come in on top.
// A page may hold nothing and the list go on all the same; `dry` counts how many in a row did.
export function useList(path, query, { every = 4000, key = "id" } = {}) {
  const what = [path, JSON.stringify(query)];
  const [state, setState] = useState(EMPTY);
  const turn = useRef(0);
  const read = useCallback(async (cursor) => {
    const mine = turn.current;
    try {
      const asked = { limit: PAGE, ...query, cursor };
      const page = await get(path, asked);
      if (mine === turn.current) setState((known) => merged(known, page, cursor, asked.limit, key));
    } catch (error) {
      if (mine === turn.current) setState((known) => ({ ...known, error, loading: false }));
    }
  }, what);
  useEffect(() => {
    turn.current += 1;
    setState(EMPTY);
    read();
  }, what);
  useEvery(useCallback(() => read(), what), every);
  const more = useCallback(() => state.cursor && read(state.cursor), [read, state.cursor]);
  return { ...state, more, reload: () => read() };
}

const EMPTY = { items: [], cursor: null, error: null, loading: true, dry: 0 };

function merged(known, page, cursor, limit, key) {
  const shown = { ...EMPTY, items: page.data, cursor: page.next_cursor, loading: false };
  if (cursor) {
    const held = new Set(known.items.map((one) => one[key]));
    const added = page.data.filter((one) => !held.has(one[key]));
    return { ...shown, items: [...known.items, ...added], dry: added.length ? 0 : known.dry + 1 };
  }
  if (known.loading || !page.next_cursor) return shown;
  const last = known.items.findIndex((one) => one[key] === page.data.at(-1)?.[key]);
  if (last < 0 && page.data.length >= limit) return shown; // more came in than one page shows
  const fresh = new Set(page.data.map((one) => one[key]));
  const older = known.items.slice(last + 1).filter((one) => !fresh.has(one[key]));
  return { ...known, items: [...page.data, ...older], error: null };
}
