// A list that is fetched a page at a time, newest first.
import { leaveIfSignedOut } from '$lib/shell/session';
import type { Cursor, Page } from './rest';

export class Pages<Entry extends { id: string | number }> {
  #entries = $state.raw<Entry[] | undefined>();
  #next = $state.raw<Cursor>(null);
  #error = $state.raw<unknown>();
  #busy = $state(false);
  /** Of the latest question; the answer to an earlier one comes too late. */
  #round = 0;
  readonly #load: (before: Cursor) => Promise<Page<Entry>>;

  constructor(load: (before: Cursor) => Promise<Page<Entry>>) {
    this.#load = load;
  }

  /** Undefined until the first page has come. */
  get entries(): readonly Entry[] | undefined {
    return this.#entries;
  }

  get error(): unknown {
    return this.#error;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** From the newest on; what is shown stays until the answer is there. */
  restart = (): Promise<void> => this.#fetch(null);

  more = (): Promise<void> => (this.#busy ? Promise.resolve() : this.#fetch(this.#next));

  async #fetch(before: Cursor): Promise<void> {
    const round = ++this.#round;
    this.#busy = true;
    try {
      const page = await this.#load(before);
      if (round !== this.#round) return;
      const kept = before === null ? [] : (this.#entries ?? []);
      const isNew = (entry: Entry) => !kept.some((known) => known.id === entry.id);
      this.#entries = [...kept, ...page.entries.filter(isNew)];
      this.#next = page.next;
      this.#error = undefined;
    } catch (error) {
      if (round === this.#round && !leaveIfSignedOut(error)) this.#error = error;
    } finally {
      if (round === this.#round) this.#busy = false;
    }
  }
}
