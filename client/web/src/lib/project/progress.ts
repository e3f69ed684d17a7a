// How live jobs stand, as the farm says it through the server's awareness state on `takes`.
import type { Awareness } from 'y-protocols/awareness';
import type { JobProgress } from '../schema/generated';
import { Signal } from './signal';

/** With the time, in milliseconds, at which it was heard: times to come count down from there. */
export type ShownProgress = JobProgress & { heardAt: number };

export class Progress {
  readonly #awareness: Awareness;
  readonly #now: () => number;
  #jobs: Record<string, ShownProgress> = {};
  #mark = '';
  readonly #changed = new Signal();

  constructor(awareness: Awareness, now: () => number = Date.now) {
    this.#awareness = awareness;
    this.#now = now;
    awareness.on('change', this.#onChange);
    this.#onChange();
  }

  destroy(): void {
    this.#awareness.off('change', this.#onChange);
  }

  of(jobId: string): ShownProgress | undefined {
    this.#changed.read();
    return this.#jobs[jobId];
  }

  /** Another one for another farm: what an estimate was made of is not so any more. */
  get farmMark(): string {
    this.#changed.read();
    return this.#mark;
  }

  /** Every job is told anew when one of them changes; one that is told the same goes on counting. */
  readonly #onChange = (): void => {
    const before = this.#jobs;
    this.#jobs = {};
    for (const state of this.#awareness.getStates().values()) {
      const farm = state.farm as { jobs?: Record<string, JobProgress>; mark?: string } | undefined;
      this.#mark = farm?.mark ?? this.#mark;
      for (const [id, told] of Object.entries(farm?.jobs ?? {})) {
        const old = before[id];
        const heardAt = old && isSame(old, told) ? old.heardAt : this.#now();
        this.#jobs[id] = { ...told, heardAt };
      }
    }
    this.#changed.changed();
  };
}

/** Seconds until the take is there, by what the farm said; null when it did not say. */
export function secondsTill(
  progress: Pick<ShownProgress, 'eta_seconds' | 'heardAt'> | undefined,
  now: number
): number | null {
  if (progress?.eta_seconds === undefined) return null;
  return Math.max(0, progress.eta_seconds - (now - progress.heardAt) / 1000);
}

function isSame(old: ShownProgress, told: JobProgress): boolean {
  return (
    old.eta_seconds === told.eta_seconds &&
    old.percent === told.percent &&
    old.position === told.position &&
    old.step === told.step
  );
}
