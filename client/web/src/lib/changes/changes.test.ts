import { describe, expect, it } from 'vitest';
import { Pages } from './pages.svelte';
import type { Page } from './rest';
import { byAge, byDay, changeWords, documentWords, lastWords } from './words';

describe('a change', () => {
  it('is told with the words people use', () => {
    expect(changeWords({ change: 'changed', fields: ['prompt'], type: 'shot' })).toBe('changed prompt of');
    expect(changeWords({ change: 'changed', fields: ['prompt', 'params.lens_mm'], type: 'shot' })).toBe(
      'changed prompt and lens of'
    );
    expect(changeWords({ change: 'changed', fields: ['position'], type: 'shot' })).toBe('moved');
    expect(changeWords({ change: 'removed', fields: ['title'], type: 'shot' })).toBe('removed');
  });

  it('to an edge has verbs of its own', () => {
    expect(changeWords({ change: 'added', fields: [], type: 'edge' })).toBe('joined');
  });

  it('of many fields names the first ones', () => {
    expect(changeWords({ change: 'changed', fields: ['a', 'b', 'c', 'd'], type: 'shot' })).toBe(
      'changed a, b and 2 more of'
    );
  });

  it('names its document', () => {
    expect(documentWords('canvas')).toBe('Canvas');
    expect(documentWords('script/treatment')).toBe('Script: treatment');
    expect(documentWords('annotations/n1')).toBe('Review notes');
  });
});

it('the newest change of a node comes first', () => {
  const by = { id: 'u', name: 'Ana' };
  const fields = { title: { by, at: '2026-01-01T00:00:00Z' }, prompt: { by, at: '2026-01-02T00:00:00Z' } };
  expect(byAge(fields).map((each) => each.field)).toEqual(['prompt', 'title']);
});

it('a node that was only added says so', () => {
  const by = { id: 'u', name: 'Ana' };
  const at = '2026-01-01T00:00:00Z';
  expect(lastWords(byAge({ title: { by, at }, prompt: { by, at } }))).toBe('Added: Ana');
  expect(lastWords(byAge({ title: { by, at }, prompt: { by, at: '2026-01-02T00:00:00Z' } }))).toBe(
    'Prompt: Ana'
  );
  expect(lastWords([])).toBe('');
});

it('entries stand under their day', () => {
  const now = new Date(2026, 2, 5, 12);
  const at = (day: number, hour: number) => ({ at: new Date(2026, 2, day, hour).toISOString() });
  const days = byDay([at(5, 11), at(5, 1), at(4, 23), at(2, 8)], now);
  expect(days.map(({ day, entries }) => [day, entries.length])).toEqual([
    ['Today', 2],
    ['Yesterday', 1],
    ['Monday 2 March', 1]
  ]);
});

describe('a log in pages', () => {
  const page = (ids: number[], next: number | null): Page<{ id: number }> => ({
    entries: ids.map((id) => ({ id })),
    next
  });

  it('grows at its end, and shows no entry twice', async () => {
    const pages = new Pages<{ id: number }>((before) =>
      Promise.resolve(before === null ? page([5, 4], 4) : page([4, 3], null))
    );
    await pages.restart();
    expect(pages.hasMore).toBe(true);
    await pages.more();
    expect(pages.entries?.map((entry) => entry.id)).toEqual([5, 4, 3]);
    expect(pages.hasMore).toBe(false);
  });

  it('takes no answer to a question that was asked before the last one', async () => {
    const answers: ((page: Page<{ id: number }>) => void)[] = [];
    const pages = new Pages<{ id: number }>(() => new Promise((resolve) => answers.push(resolve)));
    const first = pages.restart();
    const second = pages.restart();
    answers[1]?.(page([2], null));
    answers[0]?.(page([1], null));
    await Promise.all([first, second]);
    expect(pages.entries?.map((entry) => entry.id)).toEqual([2]);
  });

  it('keeps what is shown when older entries cannot be had', async () => {
    const pages = new Pages<{ id: number }>((before) =>
      before === null ? Promise.resolve(page([9], 9)) : Promise.reject(new Error('away'))
    );
    await pages.restart();
    await pages.more();
    expect(pages.entries).toHaveLength(1);
    expect(pages.error).toBeInstanceOf(Error);
  });
});
