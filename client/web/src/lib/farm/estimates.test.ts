import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Quote } from './estimates.svelte';

describe('an estimate that somebody looks at', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is asked for again when the farm is another, and stands until the new one is there', async () => {
    const quote = new Quote<number>();
    let asked = 0;
    const ask = () => Promise.resolve(++asked);
    quote.want('shot', ask);
    await vi.advanceTimersByTimeAsync(500);
    expect(quote.for('shot')).toBe(1);
    for (let news = 0; news < 15; news += 1) {
      quote.freshen('shot', ask);
      expect(quote.for('shot')).toBe(news < 10 ? 1 : 2);
      await vi.advanceTimersByTimeAsync(100);
    }
  });

  it('is not asked for twice while the first answer is on its way', async () => {
    const quote = new Quote<number>();
    let asked = 0;
    quote.want('shot', () => Promise.resolve(++asked));
    quote.freshen('shot', () => Promise.resolve(++asked));
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toBe(1);
  });

  it('is not asked for when it stopped mattering before the question went out, and is once it matters again', async () => {
    const quote = new Quote<number>();
    let asked = 0;
    const ask = () => Promise.resolve(++asked);
    quote.want('shot', ask);
    quote.stop();
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toBe(0);
    quote.want('shot', ask);
    await vi.advanceTimersByTimeAsync(500);
    expect(quote.for('shot')).toBe(1);
  });
});
