// The words of one attempt, as they come: read from the server until it ends, kept up to a limit.
import { messageOf } from '$lib/errors';
import { errorFrom, notReached } from '$lib/rest';
import { Lines } from './log-lines';

export type LogState = 'opening' | 'following' | 'ended' | 'failed';

/** More lines than a node keeps of an attempt. */
const MOST_LINES = 5000;
const SHOW_EVERY_MS = 100;

export class LogStream {
  #lines = $state.raw<readonly string[]>([]);
  #state = $state<LogState>('opening');
  #error = $state('');
  #dropped = $state(0);
  #waiting: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = new AbortController();

  constructor(path: string) {
    void this.#read(path);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get state(): LogState {
    return this.#state;
  }

  /** Why it could not be read; empty when it could. */
  get error(): string {
    return this.#error;
  }

  /** How many of the oldest lines are not shown any more. */
  get dropped(): number {
    return this.#dropped;
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  async #read(path: string): Promise<void> {
    try {
      const response = await fetch(path, { credentials: 'same-origin', signal: this.#stop.signal });
      if (!response.ok) throw errorFrom(response.status, await response.text());
      this.#state = 'following';
      await this.#follow(response);
      this.#state = 'ended';
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#error = messageOf(error instanceof TypeError ? notReached() : error);
      this.#state = 'failed';
    }
  }

  async #follow(response: Response): Promise<void> {
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const lines = new Lines();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) break;
      this.#add(lines.take(decoder.decode(part.value, { stream: true })));
    }
    this.#add([...lines.take(decoder.decode()), ...lines.end()]);
    this.#show();
  }

  #add(lines: readonly string[]): void {
    this.#waiting.push(...lines);
    this.#timer ??= setTimeout(() => this.#show(), SHOW_EVERY_MS);
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const all = [...this.#lines, ...this.#waiting];
    this.#waiting = [];
    this.#dropped += Math.max(0, all.length - MOST_LINES);
    this.#lines = all.slice(-MOST_LINES);
  }
}
