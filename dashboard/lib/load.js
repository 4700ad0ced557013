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

// A list by cursor: its pages so far, the first of them read again now and then, so that new rows come in on top.
export function useList(path, query, { every = 4000, key = "id" } = {}) {
  const what = [path, JSON.stringify(query)];
  const [state, setState] = useState(EMPTY);
  const turn = useRef(0);
  const read = useCallback(async (cursor) => {
    const mine = turn.current;
    try {
      const page = await get(path, { limit: 50, ...query, cursor });
      if (mine === turn.current) setState((known) => merged(known, page, cursor, key));
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

const EMPTY = { items: [], cursor: null, error: null, loading: true };

function merged(known, page, cursor, key) {
  const fresh = new Map(page.data.map((one) => [one[key], one]));
  const first = known.loading || known.items.length === 0;
  if (first) return { items: page.data, cursor: page.next_cursor, error: null, loading: false };
  const kept = known.items.map((one) => fresh.get(one[key]) ?? one);
  const held = new Set(kept.map((one) => one[key]));
  const added = page.data.filter((one) => !held.has(one[key]));
  const items = cursor ? [...kept, ...added] : [...added, ...kept];
  return { items, cursor: cursor ? page.next_cursor : known.cursor, error: null, loading: false };
}
