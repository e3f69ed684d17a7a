// Presents the canvas's awareness to y-codemirror, which wants a colour for everybody and the text caret under the name
// `cursor` (there it is the pointer on the canvas), and wakes the editors only when a caret has moved.
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { readPerson } from '../../project/presence';

type CaretState = { user: { name: string; color: string; colorLight: string }; cursor: unknown };
type Changes = { added: number[]; updated: number[]; removed: number[] };
type Listener = (changes: Changes, origin: unknown, type: string) => void;

export class CaretAwareness {
  readonly doc: Y.Doc;
  readonly #awareness: Awareness;
  readonly #listeners = new Set<Listener>();
  #last = '';

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
    this.doc = awareness.doc;
    awareness.on('change', this.#onChange);
  }

  destroy(): void {
    this.#awareness.off('change', this.#onChange);
    this.#listeners.clear();
  }

  get clientID(): number {
    return this.#awareness.clientID;
  }

  on(_event: string, listener: Listener): void {
    this.#listeners.add(listener);
  }

  off(_event: string, listener: Listener): void {
    this.#listeners.delete(listener);
  }

  getLocalState(): { cursor: unknown } | null {
    const state = this.#awareness.getLocalState();
    return state && { cursor: state.caret ?? null };
  }

  setLocalStateField(field: string, value: unknown): void {
    if (field === 'cursor') this.#awareness.setLocalStateField('caret', value);
  }

  getStates(): Map<number, CaretState> {
    const states = new Map<number, CaretState>();
    for (const [clientId, state] of this.#awareness.getStates()) {
      const person = readPerson(clientId, false, state);
      if (!person || !state.caret) continue;
      const color = `var(--hue-${person.user.hue})`;
      const colorLight = `color-mix(in srgb, ${color} 28%, transparent)`;
      states.set(clientId, {
        user: { name: person.user.name, color, colorLight },
        cursor: state.caret as unknown
      });
    }
    return states;
  }

  readonly #onChange = (changes: Changes, origin: unknown): void => {
    const others = [...this.getStates()].filter(([clientId]) => clientId !== this.clientID);
    const now = JSON.stringify(others);
    if (now === this.#last) return;
    this.#last = now;
    for (const listener of this.#listeners) listener(changes, origin, 'change');
  };
}
