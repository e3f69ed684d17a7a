import { flushSync } from 'svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiError } from '$lib/errors';
import { FarmWatch, type Stream } from './live.svelte';
import { heardOf } from './words';

vi.mock('$app/navigation', () => ({ goto: () => Promise.resolve() }));

const ALL = {
  reachable: true,
  nodes: [],
  abilities: {},
  queues: [],
  running: [],
  recent: [],
  costs: { projects: [], people: [] },
  roles: {}
};

/** A stream that the test tells what it hears. */
class Line implements Stream {
  readyState = 0;
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  readonly #listeners = new Map<string, (event: MessageEvent<string>) => void>();

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  tell(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values))
      this.#listeners.get(name)?.(new MessageEvent(name, { data: JSON.stringify(value) }));
    flushSync();
  }

  break(forGood: boolean): void {
    this.readyState = forGood ? 2 : 0;
    this.onerror?.(new Event('error'));
  }
}

function watching(why: ApiError | null = null) {
  const lines: Line[] = [];
  const clock = { ms: 0 };
  const waits: number[] = [];
  const watch = new FarmWatch({
    open: () => {
      lines.push(new Line());
      return lines.at(-1) as Line;
    },
    ask: () => Promise.resolve(why),
    elapsed: () => clock.ms,
    wait: (ms) => {
      waits.push(ms);
      return waits.length < 4 ? Promise.resolve() : new Promise(() => undefined);
    }
  });
  watch.start();
  return { watch, lines, waits, clock };
}

describe('the farm page', () => {
  it('shows the farm once all of it was told, and every change after that', () => {
    const { watch, lines } = watching();
    lines[0]?.tell({ nodes: [] });
    expect(watch.farm).toBeUndefined();
    lines[0]?.tell(ALL);
    expect(watch.farm?.reachable).toBe(true);
    lines[0]?.tell({ reachable: false });
    expect(watch.farm?.reachable).toBe(false);
    expect(watch.link).toBe('live');
  });

  it('keeps what it knows while the line is opened again, and says that it is old', () => {
    const { watch, lines } = watching();
    lines[0]?.tell(ALL);
    lines[0]?.break(false);
    expect(watch.link).toBe('lost');
    expect(watch.farm).toBeDefined();
    lines[0]?.tell({ running: [] });
    expect(watch.link).toBe('live');
  });

  it('opens a line anew that the server refused for the moment, each time after a longer wait', async () => {
    const { lines, waits } = watching(new ApiError(503, 'away', 'The farm is away.'));
    for (let at = 0; at < 3; at += 1) {
      lines[at]?.break(true);
      await vi.waitFor(() => expect(lines.length).toBe(at + 2));
    }
    expect(waits).toEqual([1000, 2000, 4000]);
  });

  it('gives up where the answer is no, and says why', async () => {
    const { watch, lines } = watching(new ApiError(403, 'forbidden', 'Guests do not see the farm.'));
    lines[0]?.break(true);
    await vi.waitFor(() => expect(watch.link).toBe('failed'));
    expect(watch.error?.message).toBe('Guests do not see the farm.');
    expect(lines.length).toBe(1);
  });

  it('knows a silent node from a lively one though the clock of the browser is hours off', () => {
    const heard = (name: string, time: string) => ({ name, seen_at: `2026-11-20T${time}Z` });
    vi.setSystemTime('2026-11-20T03:00:00Z');
    onTestFinished(() => void vi.useRealTimers());
    const { watch, lines, clock } = watching();
    const words = () =>
      (watch.farm?.nodes ?? []).map((node) => {
        const { text, isSilent } = heardOf(node, watch.farmNow);
        return `${node.name} ${text}${isSilent ? ', silent' : ''}`;
      });
    lines[0]?.tell({ ...ALL, nodes: [heard('a', '10:00:00'), heard('b', '09:59:57')] });
    expect(words()).toEqual(['a heard now', 'b heard 3 s ago']);
    clock.ms = 30_000;
    lines[0]?.tell({ nodes: [heard('a', '10:00:00'), heard('b', '10:00:30')] });
    clock.ms = 33_000;
    expect(words()).toEqual(['a heard 33 s ago, silent', 'b heard 3 s ago']);
    lines[0]?.break(false);
    clock.ms = 99_000;
    expect(words()).toEqual(['a heard 30 s ago, silent', 'b heard now']);
    // The farm's machine has put its own clock right meanwhile.
    lines[0]?.tell({ nodes: [heard('a', '08:00:00'), heard('b', '08:00:01')] });
    expect(words()).toEqual(['a heard now', 'b heard now']);
  });

  it('knows that the only node has gone silent, whatever else is told of it', () => {
    const { watch, lines, clock } = watching();
    const node = { name: 'a', seen_at: '2026-11-20T10:00:00Z' };
    lines[0]?.tell({ ...ALL, nodes: [{ ...node, state: 'ready' }] });
    clock.ms = 20_000;
    lines[0]?.tell({ nodes: [{ ...node, state: 'paused' }] });
    clock.ms = 26_000;
    expect(heardOf(node, watch.farmNow).isSilent).toBe(true);
  });

  it('closes its line when nobody looks any more', () => {
    const { watch, lines } = watching();
    watch.stop();
    expect(lines[0]?.closed).toBe(true);
  });
});
