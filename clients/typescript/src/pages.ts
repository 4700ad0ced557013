/** Lists, read page by page. */

export interface Page<T> {
  data: T[];
  next_cursor?: string | null;
}

/** A list that is read when it is asked for: `for await (const item of list)` goes over all of it, newest first. */
export class Pages<T> implements AsyncIterable<T> {
  readonly #read: (more: { cursor?: string }) => Promise<Page<T>>;

  constructor(read: (more: { cursor?: string }) => Promise<Page<T>>) {
    this.#read = read;
  }

  /** Read the first page alone; its `next_cursor`, given as `cursor`, leads to the next one. */
  page(): Promise<Page<T>> {
    return this.#read({});
  }

  /** Read page after page. */
  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let page = await this.page();
    yield page;
    while (page.next_cursor) {
      page = await this.#read({ cursor: page.next_cursor });
      yield page;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.data;
  }
}
