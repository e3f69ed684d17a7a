// The farm as it is now, as the server tells it while somebody looks: one stream, opened again whenever it breaks.
import { leaveIfSignedOut } from '$lib/shell/session';
import { errorFrom, notReached } from '$lib/rest';
import type { ApiError } from '$lib/errors';
import type { FarmLive } from '$lib/schema/generated';
import { farm } from './rest';

/** `live`: what is shown is true now. `lost`: it was, and the stream is opened again. `failed`: nothing to show. */
export type Link = 'opening' | 'live' | 'lost' | 'failed';

/** The part of an EventSource that is used. */
export interface Stream {
  readonly readyState: number;
  onerror: ((event: Event) => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

interface Means {
  open: (path: string) => Stream;
  /** Why the server would not tell; null when it would now. */
  ask: () => Promise<ApiError | null>;
  wait: (ms: number) => Promise<void>;
  /** Milliseconds since some moment, whatever the clock on the wall is set to. */
  elapsed: () => number;
}

const CLOSED = 2;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const FIELDS: readonly (keyof FarmLive)[] = [
  'reachable',
  'nodes',
  'abilities',
  'queues',
  'running',
  'recent',
  'costs',
  'roles'
];

export class FarmWatch {
  readonly #means: Means;
  #farm = $state.raw<Partial<FarmLive>>({});
  #link = $state<Link>('opening');
  #error = $state.raw<ApiError | undefined>();
  #heardAt = $state(0);
  #heardElapsed = 0;
  /** When a node was last heard, by the farm's clock, and when that was told. */
  #newest = $state.raw({ seenAt: NaN, elapsed: 0 });
  #stream: Stream | undefined;
  #waitMs = FIRST_WAIT_MS;
  #open = false;

  constructor(means: Partial<Means> = {}) {
    this.#means = {
      open: (path) => new EventSource(path),
      ask: whyNot,
      wait: (ms) => new Promise((done) => setTimeout(done, ms)),
      elapsed: () => performance.now(),
      ...means
    };
  }

  /** What has been told so far; undefined until all of it has been told once. */
  get farm(): FarmLive | undefined {
    return FIELDS.every((field) => field in this.#farm) ? (this.#farm as FarmLive) : undefined;
  }

  get link(): Link {
    return this.#link;
  }

  get error(): ApiError | undefined {
    return this.#error;
  }

  /** When the server last told something, in milliseconds. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /**
   * What the farm's clock shows, in milliseconds: the newest sign of a node was now when it was told. The clock of
   * whoever looks may be wrong. It stands still with what is shown, while the line is broken.
   */
  get farmNow(): number {
    const at = this.#link === 'live' ? this.#means.elapsed() : this.#heardElapsed;
    return this.#newest.seenAt + at - this.#newest.elapsed;
  }

  start(): void {
    if (this.#open) return;
    this.#open = true;
    this.#connect();
  }

  stop(): void {
    this.#open = false;
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** Tries at once, whatever the waiting. */
  retry = (): void => {
    if (!this.#open || this.#stream) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#connect();
  };

  #connect(): void {
    const stream = this.#means.open(farm.livePath);
    this.#stream = stream;
    for (const field of FIELDS)
      stream.addEventListener(field, (event) => this.#hear(stream, field, event.data));
    stream.onerror = () => void this.#break(stream);
  }

  #hear(stream: Stream, field: keyof FarmLive, data: string): void {
    if (stream !== this.#stream) return;
    this.#farm = { ...this.#farm, [field]: JSON.parse(data) as unknown };
    this.#heardAt = Date.now();
    this.#heardElapsed = this.#means.elapsed();
    if (field === 'nodes') this.#setClock();
    this.#waitMs = FIRST_WAIT_MS;
    this.#error = undefined;
    this.#link = 'live';
  }

  #setClock(): void {
    const seenAt = Math.max(...(this.#farm.nodes ?? []).map((node) => Date.parse(node.seen_at) || 0));
    if (seenAt !== this.#newest.seenAt) this.#newest = { seenAt, elapsed: this.#heardElapsed };
  }

  /** A broken line is opened again by the browser; a refused one is not, so the reason is asked for. */
  async #break(stream: Stream): Promise<void> {
    if (stream !== this.#stream) return;
    if (this.farm) this.#link = 'lost';
    if (stream.readyState !== CLOSED) {
      if (!this.farm) this.#fail(notReached());
      return;
    }
    this.#stream = undefined;
    const error = await this.#means.ask();
    if (!this.#open || this.#stream) return;
    if (error && leaveIfSignedOut(error)) return;
    if (error) this.#fail(error);
    if (error && !error.isTemporary) return;
    const wait = this.#waitMs;
    this.#waitMs = Math.min(LONGEST_WAIT_MS, wait * 2);
    await this.#means.wait(wait);
    if (this.#open && !this.#stream) this.#connect();
  }

  #fail(error: ApiError): void {
    this.#error = error;
    this.#link = this.farm && error.isTemporary ? 'lost' : 'failed';
  }
}

async function whyNot(): Promise<ApiError | null> {
  const stop = new AbortController();
  try {
    const response = await fetch(farm.livePath, { credentials: 'same-origin', signal: stop.signal });
    if (response.ok) return null;
    return errorFrom(response.status, await response.text(), response.headers.get('Retry-After'));
  } catch {
    return notReached();
  } finally {
    stop.abort();
  }
}
