// The documents of versions, fetched once: a commit never changes, and somebody who scrubs comes by again.
import type { PlainDocuments } from './past';

const KEPT = 24;

export class DocumentsOf {
  readonly #fetch: (commit: string) => Promise<PlainDocuments>;
  readonly #found = new Map<string, Promise<PlainDocuments>>();

  constructor(fetch: (commit: string) => Promise<PlainDocuments>) {
    this.#fetch = fetch;
  }

  has(commit: string): boolean {
    return this.#found.has(commit);
  }

  get(commit: string): Promise<PlainDocuments> {
    const known = this.#found.get(commit);
    if (known) return known;
    const asked = this.#fetch(commit);
    this.#found.set(commit, asked);
    // What failed is asked for again next time.
    asked.catch(() => this.#found.delete(commit));
    const [oldest] = this.#found.keys();
    if (this.#found.size > KEPT && oldest !== undefined) this.#found.delete(oldest);
    return asked;
  }
}
