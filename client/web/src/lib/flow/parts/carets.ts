// Where the people in a project have their text carets, through awareness; wakes the editors only when one has moved.
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { readPerson } from '../../project/presence';

/** A caret in some shared text; both ends move along when the text before them changes. */
export type Caret = { name: string; hue: number; anchor: Y.RelativePosition; head: Y.RelativePosition };

export class Carets {
  readonly #awareness: Awareness;
  readonly #listeners = new Set<() => void>();
  #others: Caret[] = [];
  #last = '[]';

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
    awareness.on('change', this.#onChange);
    this.#onChange();
  }

  destroy(): void {
    this.#awareness.off('change', this.#onChange);
    this.#listeners.clear();
  }

  get others(): readonly Caret[] {
    return this.#others;
  }

  /** Calls back when somebody else's caret moved; returns how to stop that. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the others where mine is; null when it is nowhere. */
  tell(range: { text: Y.Text; anchor: number; head: number } | null): void {
    const caret = range && {
      anchor: Y.createRelativePositionFromTypeIndex(range.text, range.anchor),
      head: Y.createRelativePositionFromTypeIndex(range.text, range.head)
    };
    const before: unknown = this.#awareness.getLocalState()?.caret ?? null;
    if (JSON.stringify(before) !== JSON.stringify(caret)) this.#awareness.setLocalStateField('caret', caret);
  }

  readonly #onChange = (): void => {
    const others: Caret[] = [];
    for (const [clientId, state] of this.#awareness.getStates()) {
      if (clientId === this.#awareness.clientID) continue;
      const caret = readCaret(clientId, state);
      if (caret) others.push(caret);
    }
    const now = JSON.stringify(others);
    if (now === this.#last) return;
    this.#last = now;
    this.#others = others;
    for (const listener of this.#listeners) listener();
  };
}

function readCaret(clientId: number, state: Record<string, unknown>): Caret | undefined {
  const person = readPerson(clientId, false, state);
  const ends = state.caret as { anchor?: unknown; head?: unknown } | null | undefined;
  if (!person || !ends?.anchor || !ends.head) return undefined;
  try {
    return {
      name: person.user.name,
      hue: person.user.hue,
      anchor: Y.createRelativePositionFromJSON(ends.anchor),
      head: Y.createRelativePositionFromJSON(ends.head)
    };
  } catch {
    return undefined;
  }
}
