// Which forks of the canvas there are, read from the `production` document, which the server writes.
import * as Y from 'yjs';
import { Signal } from './signal';

export class ForkRecords {
  readonly #records: Y.Map<unknown>;
  readonly #changed = new Signal();

  constructor(production: Y.Doc) {
    this.#records = production.getMap('forks');
    this.#records.observeDeep(this.#onChange);
  }

  destroy(): void {
    this.#records.unobserveDeep(this.#onChange);
  }

  /** Names of those that are open, in the order of the alphabet. */
  get names(): string[] {
    this.#changed.read();
    return [...this.#records.keys()].filter((name) => !this.#isDeleted(name)).sort();
  }

  /** Names that were given once, also those of forks that were thrown away: none is given again. */
  get used(): ReadonlySet<string> {
    this.#changed.read();
    return new Set(this.#records.keys());
  }

  /** Whether a fork was thrown away; false as well while nothing is known of it. */
  isGone(name: string): boolean {
    this.#changed.read();
    return this.#records.has(name) && this.#isDeleted(name);
  }

  #isDeleted(name: string): boolean {
    const value = this.#records.get(name);
    const plain: unknown = value instanceof Y.Map ? value.toJSON() : value;
    return (plain as { deleted?: unknown } | null)?.deleted === true;
  }

  readonly #onChange = (): void => this.#changed.changed();
}
