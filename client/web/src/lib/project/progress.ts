// How live jobs stand, as the farm says it through the server's awareness state on `takes`.
import type { Awareness } from 'y-protocols/awareness';
import type { JobProgress } from '../schema/generated';
import { Signal, SignalMap } from './signal';

/** With the time, in milliseconds, at which it was heard: times to come count down from there. */
export type ShownProgress = JobProgress & { heardAt: number };

export class Progress {
  readonly #awareness: Awareness;
  readonly #now: () => number;
  #jobs = new Map<string, ShownProgress>();
  #mark = '';
  readonly #jobChanged = new SignalMap();
  readonly #markChanged = new Signal();

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
    this.#jobChanged.read(jobId);
    return this.#jobs.get(jobId);
  }

  /** Another one for another farm: what an estimate was made of is not so any more. */
  get farmMark(): string {
    this.#markChanged.read();
    return this.#mark;
  }

  /** Every job is told anew when one of them changes; only who shows one that has changed is woken. */
  readonly #onChange = (): void => {
    const before = this.#jobs;
    this.#jobs = new Map();
    for (const state of this.#awareness.getStates().values()) {
      const farm = state.farm as { jobs?: Record<string, JobProgress>; mark?: string } | undefined;
      this.#markAs(farm?.mark ?? this.#mark);
      for (const [id, told] of Object.entries(farm?.jobs ?? {})) this.#hear(id, told, before.get(id));
    }
    for (const id of before.keys()) if (!this.#jobs.has(id)) this.#jobChanged.changed(id);
  };

  /** One that stands where it stood goes on counting. */
  #hear(id: string, told: JobProgress, old: ShownProgress | undefined): void {
    const stands = old !== undefined && isSame(old, told);
    if (stands && old.node === told.node && old.preview === told.preview) {
      this.#jobs.set(id, old);
      return;
    }
    this.#jobs.set(id, { ...told, heardAt: stands ? old.heardAt : this.#now() });
    this.#jobChanged.changed(id);
  }

  #markAs(mark: string): void {
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.#markChanged.changed();
  }
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
