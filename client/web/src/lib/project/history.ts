// Undo and redo of one's own changes to nodes and edges. Intents are not in it: what was asked for is cancelled, not undone.
import * as Y from 'yjs';
import { Signal } from './signal';

/** Origin of every transaction that this person makes here. */
export const LOCAL = 'local';
/** Origin of preparations that are no step of their own. */
export const PREPARING = 'preparing';
/** Typing without a pause of this length is one step. */
const ONE_STEP_MS = 400;

/** A step that the server takes for this person, and takes back; both answer whether it was done. */
export interface Elsewhere {
  undo: () => Promise<boolean>;
  redo: () => Promise<boolean>;
}

/** With how many steps of the document there are below it. */
type Placed = { step: Elsewhere; below: number };

export class History {
  /** Also given to the text editors, so that typing and everything else share one order. */
  readonly manager: Y.UndoManager;
  readonly #changed = new Signal();
  #done: readonly Placed[] = [];
  #undone: readonly Placed[] = [];

  constructor(doc: Y.Doc) {
    this.manager = new Y.UndoManager([doc.getMap('nodes'), doc.getMap('edges')], {
      trackedOrigins: new Set([LOCAL]),
      captureTimeout: ONE_STEP_MS
    });
    for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const) {
      this.manager.on(event, () => this.#changed.changed());
    }
    this.manager.on('stack-item-added', ({ type, origin }) => {
      if (type === 'undo' && origin !== this.manager) this.#undone = [];
    });
  }

  get canUndo(): boolean {
    this.#changed.read();
    return this.manager.canUndo() || this.#done.length > 0;
  }

  get canRedo(): boolean {
    this.#changed.read();
    return this.manager.canRedo() || this.#undone.length > 0;
  }

  undo(): void {
    const last = this.#done.at(-1);
    if (last && last.below >= this.manager.undoStack.length) void this.#undoElsewhere(last.step);
    else this.manager.undo();
  }

  redo(): void {
    const last = this.#undone.at(-1);
    if (last && last.below >= this.manager.redoStack.length) void this.#redoElsewhere(last.step);
    else this.manager.redo();
  }

  /** Makes what `change` does a step of its own, apart from typing before and after it. */
  step<T>(change: () => T): T {
    this.manager.stopCapturing();
    try {
      return change();
    } finally {
      this.manager.stopCapturing();
    }
  }

  /** A step that was just taken elsewhere is the latest now: undo takes back that one first. */
  remember(step: Elsewhere): void {
    this.manager.stopCapturing();
    this.manager.clear(false, true);
    this.#undone = [];
    this.#put(step);
  }

  /** The step was taken back in another way. */
  forget(step: Elsewhere): void {
    this.#take(step);
  }

  destroy(): void {
    this.manager.destroy();
  }

  async #undoElsewhere(step: Elsewhere): Promise<void> {
    this.#take(step);
    if (!(await step.undo())) return this.#put(step);
    this.#undone = [...this.#undone, { step, below: this.manager.redoStack.length }];
    this.#changed.changed();
  }

  async #redoElsewhere(step: Elsewhere): Promise<void> {
    this.#take(step);
    if (await step.redo()) return this.#put(step);
    this.#undone = [...this.#undone, { step, below: this.manager.redoStack.length }];
    this.#changed.changed();
  }

  #put(step: Elsewhere): void {
    this.#done = [...this.#done, { step, below: this.manager.undoStack.length }];
    this.#changed.changed();
  }

  #take(step: Elsewhere): void {
    this.#done = this.#done.filter((each) => each.step !== step);
    this.#undone = this.#undone.filter((each) => each.step !== step);
    this.#changed.changed();
  }
}
