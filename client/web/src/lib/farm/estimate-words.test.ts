import { describe, expect, it } from 'vitest';
import type { BatchEstimate, Estimate } from '$lib/schema/generated';
import { batchWords, unchangedWords, whenWords, workWords } from './estimate-words';

function shot(fields: Partial<Estimate> = {}): Estimate {
  return { available: true, reason: '', cached_take: '', price_usd: 0.05, ...fields } as Estimate;
}

function batch(shots: Estimate[], fields: Partial<BatchEstimate> = {}): BatchEstimate {
  return {
    shots,
    available: shots.filter(({ available }) => available).length,
    cached: shots.filter(({ cached_take }) => cached_take).length,
    price_usd: 0.25,
    eta_seconds: 42,
    budget_left_usd: 4,
    affordable: true,
    ...fields
  };
}

describe('one take, before the click', () => {
  it('says when it would be there', () => {
    expect(whenWords({ position: 2, eta_seconds: 12.4, farm_nodes: 1 })).toBe(
      '2 jobs before it, take in about 12 s'
    );
    expect(whenWords({ position: 0, eta_seconds: 3, farm_nodes: 1 })).toBe(
      'No job before it, take in about 3 s'
    );
  });

  it('promises no time where nothing could run it', () => {
    expect(whenWords({ position: 0, eta_seconds: 3, farm_nodes: 0 })).toBe('Waits for a farm node');
  });

  it('says whether its duration was measured', () => {
    expect(workWords({ seconds: 8.2, seconds_from: 'measured' })).toBe('8 s, as such takes took');
    expect(workWords({ seconds: 8.2, seconds_from: 'prior' })).toContain("catalogue's guess");
  });

  it('names the take that is there already', () => {
    expect(unchangedWords(shot({ cached_take: 't3' }), [{ id: 't3', number: 3 }])).toBe('Unchanged, take 3');
    expect(unchangedWords(shot(), [])).toBe('');
  });
});

describe('several takes, before the click', () => {
  it('cost what they cost together', () => {
    const words = batchWords(batch([shot(), shot(), shot(), shot(), shot()]), [0.05, 0.05, 0.05, 0.05, 0.05]);
    expect(words.changed).toBe('Generate 5 takes - $0.25');
    expect(words.anew).toBe('');
    expect(words.detail).toBe('All there in about 42 s, $4.00 left');
  });

  it('leave out what has not changed, unless it is asked for anew', () => {
    const made = batch([shot(), shot({ cached_take: 't' })], { price_usd: 0.05 });
    const words = batchWords(made, [0.05, 0.05]);
    expect(words.changed).toBe('Generate only what changed: 1 take - $0.05');
    expect(words.anew).toBe('Generate all 2 anew - $0.10');
    expect(words.detail).toMatch(/^1 shot unchanged/);
    expect(words.blocked).toBe('');
  });

  it('are nothing to make when nothing has changed', () => {
    expect(batchWords(batch([shot({ cached_take: 't' })]), [0.05]).blocked).toMatch(/has a take/);
  });

  it('say what stands in the way', () => {
    expect(batchWords(batch([shot({ available: false, reason: 'Locked' })]), [0]).blocked).toBe('Locked');
    expect(batchWords(batch([shot()], { affordable: false }), [9]).blocked).toMatch(/does not last/);
  });
});
