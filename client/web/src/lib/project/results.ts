// Jobs and takes by shot, read from the `takes` document, together with the intents that wait to be judged.
import * as Y from 'yjs';
import { mediaUrl } from '../api';
import type { Intent, Job, Take } from '../schema/generated';
import { Signal } from './signal';
import type { JobView, TakeView } from './types';

/** A request for a take that the server has not judged yet. */
export type Asked = { intent: string; node: string; batch: string };

type Waiting = {
  asked: Map<string, Asked>;
  cancelling: Set<string>;
  /** Batches whose rest is being stopped. */
  cancelled: Set<string>;
};

export class Results {
  readonly #projectId: string;
  readonly #intents: Y.Map<unknown>;
  readonly #jobs: Y.Map<unknown>;
  readonly #takes: Y.Map<unknown>;
  readonly #jobViews = new Map<string, JobView>();
  readonly #takeViews = new Map<string, TakeView>();
  #jobIndex: { list: JobView[]; latest: Map<string, JobView> } | undefined;
  #takeIndex: { list: TakeView[]; byNode: Map<string, TakeView[]> } | undefined;
  #waiting: Waiting | undefined;
  readonly #jobsChanged = new Signal();
  readonly #takesChanged = new Signal();
  readonly #waitingChanged = new Signal();
  /** Called when a job ended or a take arrived: what was spent may have changed. */
  onSettled: () => void = () => undefined;

  constructor(projectId: string, canvas: Y.Doc, takes: Y.Doc) {
    this.#projectId = projectId;
    this.#intents = canvas.getMap('intents');
    this.#jobs = takes.getMap('jobs');
    this.#takes = takes.getMap('takes');
    this.#intents.observe(this.#onIntents);
    this.#jobs.observeDeep(this.#onJobs);
    this.#takes.observe(this.#onTakes);
  }

  destroy(): void {
    this.#intents.unobserve(this.#onIntents);
    this.#jobs.unobserveDeep(this.#onJobs);
    this.#takes.unobserve(this.#onTakes);
  }

  /** Newest first. */
  get jobs(): JobView[] {
    this.#jobsChanged.read();
    return this.#readJobs().list;
  }

  /** Newest first. */
  get takes(): TakeView[] {
    this.#takesChanged.read();
    return this.#readTakes().list;
  }

  /** By number, oldest first: the order of the take strip. */
  takesOf(nodeId: string): TakeView[] {
    this.#takesChanged.read();
    return this.#readTakes().byNode.get(nodeId) ?? [];
  }

  jobOf(nodeId: string): JobView | undefined {
    this.#jobsChanged.read();
    return this.#readJobs().latest.get(nodeId);
  }

  /** The intent for that shot that the server has not judged yet. */
  askedFor(nodeId: string): string | undefined {
    this.#waitingChanged.read();
    return this.#readWaiting().asked.get(nodeId)?.intent;
  }

  /** Every request that the server has not judged yet. */
  get asked(): Asked[] {
    this.#waitingChanged.read();
    return [...this.#readWaiting().asked.values()];
  }

  /** Whether somebody asked to stop that job, or the batch it belongs to. */
  isCancelling(jobId: string): boolean {
    this.#waitingChanged.read();
    const { cancelling, cancelled } = this.#readWaiting();
    return cancelling.has(jobId) || cancelled.has(this.#batchOf(jobId));
  }

  /** Whether somebody asked to stop the rest of that batch. */
  isBatchCancelling(batch: string): boolean {
    this.#waitingChanged.read();
    return this.#readWaiting().cancelled.has(batch);
  }

  #batchOf(id: string): string {
    const job = this.#jobs.get(id);
    const batch: unknown =
      job instanceof Y.Map ? job.get('batch') : (this.#intents.get(id) as { batch?: unknown })?.batch;
    return typeof batch === 'string' ? batch : '';
  }

  readonly #onIntents = (): void => {
    this.#waiting = undefined;
    this.#waitingChanged.changed();
  };

  readonly #onJobs = (events: readonly Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    for (const { path, keys } of events)
      for (const id of path.length > 0 ? [String(path[0])] : keys.keys()) this.#jobViews.delete(id);
    this.#jobIndex = undefined;
    this.#jobsChanged.changed();
    this.#onIntents();
    this.onSettled();
  };

  readonly #onTakes = (): void => {
    this.#takeIndex = undefined;
    this.#takesChanged.changed();
    this.onSettled();
  };

  #readJobs() {
    if (this.#jobIndex) return this.#jobIndex;
    const list: JobView[] = [];
    for (const [id, value] of this.#jobs) {
      if (value instanceof Y.Map) list.push(this.#jobView(id, value));
    }
    list.sort((a, b) => compare(b.asked_at, a.asked_at) || compare(b.id, a.id));
    const latest = new Map<string, JobView>();
    for (const job of list) if (!latest.has(job.node)) latest.set(job.node, job);
    return (this.#jobIndex = { list, latest });
  }

  /** The view of a job stays the same until the job changes, so that only those who show it are woken. */
  #jobView(id: string, job: Y.Map<unknown>): JobView {
    let view = this.#jobViews.get(id);
    if (!view) this.#jobViews.set(id, (view = { ...(job.toJSON() as Job), id }));
    return view;
  }

  #readTakes() {
    if (this.#takeIndex) return this.#takeIndex;
    const byNode = new Map<string, TakeView[]>();
    const list: TakeView[] = [];
    for (const [id, value] of this.#takes) {
      const take = this.#takeView(id, value as Take);
      list.push(take);
      const siblings = byNode.get(take.node);
      if (siblings) siblings.push(take);
      else byNode.set(take.node, [take]);
    }
    list.sort((a, b) => compare(b.created_at, a.created_at) || compare(b.id, a.id));
    for (const siblings of byNode.values())
      siblings.sort((a, b) => a.number - b.number || compare(a.id, b.id));
    return (this.#takeIndex = { list, byNode });
  }

  /** A take is written once, so its view is made once. */
  #takeView(id: string, take: Take): TakeView {
    let view = this.#takeViews.get(id);
    if (!view) {
      const url = mediaUrl(this.#projectId, take.media.blob);
      const thumbnailUrl = take.thumbnail?.blob ? mediaUrl(this.#projectId, take.thumbnail.blob) : url;
      this.#takeViews.set(id, (view = { ...take, id, url, thumbnailUrl }));
    }
    return view;
  }

  #readWaiting() {
    if (this.#waiting) return this.#waiting;
    const asked = new Map<string, Asked>();
    const cancelling = new Set<string>();
    const cancelled = new Set<string>();
    for (const [id, value] of this.#intents) {
      const intent = value as Partial<Intent> | null;
      if (intent?.kind === 'cancel' && typeof intent.job === 'string') cancelling.add(intent.job);
      if (intent?.kind === 'cancel_batch' && typeof intent.batch === 'string') cancelled.add(intent.batch);
      if (intent?.kind === 'generate' && typeof intent.node === 'string' && !this.#jobs.has(id)) {
        asked.set(intent.node, { intent: id, node: intent.node, batch: intent.batch ?? '' });
      }
    }
    return (this.#waiting = { asked, cancelling, cancelled });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
