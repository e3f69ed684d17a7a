// How far running jobs are, as the farm says it through the server's awareness state on `takes`.
import type { Awareness } from 'y-protocols/awareness';
import type { JobProgress } from '../schema/generated';
import { Signal } from './signal';

export class Progress {
  readonly #awareness: Awareness;
  #jobs: Record<string, JobProgress> = {};
  readonly #changed = new Signal();

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
    awareness.on('change', this.#onChange);
    this.#onChange();
  }

  destroy(): void {
    this.#awareness.off('change', this.#onChange);
  }

  of(jobId: string): JobProgress | undefined {
    this.#changed.read();
    return this.#jobs[jobId];
  }

  readonly #onChange = (): void => {
    this.#jobs = {};
    for (const state of this.#awareness.getStates().values()) {
      const farm = state.farm as { jobs?: Record<string, JobProgress> } | undefined;
      Object.assign(this.#jobs, farm?.jobs);
    }
    this.#changed.changed();
  };
}
