// Undo and redo of one's own changes to nodes and edges. Intents are not in it: what was asked for is cancelled, not undone.
import * as Y from 'yjs';
import { Signal } from './signal';

/** Origin of every transaction that this person makes here. */
export const LOCAL = 'local';
/** Origin of preparations that are no step of their own. */
export const PREPARING = 'preparing';
/** Typing without a pause of this length is one step. */
const ONE_STEP_MS = 400;

export class History {
  /** Also given to the text editors, so that typing and everything else share one order. */
  readonly manager: Y.UndoManager;
  readonly #changed = new Signal();

  constructor(doc: Y.Doc) {
    this.manager = new Y.UndoManager([doc.getMap('nodes'), doc.getMap('edges')], {
      trackedOrigins: new Set([LOCAL]),
      captureTimeout: ONE_STEP_MS
    });
    for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const) {
      this.manager.on(event, () => this.#changed.changed());
    }
  }

  get canUndo(): boolean {
    this.#changed.read();
    return this.manager.canUndo();
  }

  get canRedo(): boolean {
    this.#changed.read();
    return this.manager.canRedo();
  }

  undo(): void {
    this.manager.undo();
  }

  redo(): void {
    this.manager.redo();
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

  destroy(): void {
    this.manager.destroy();
  }
}
