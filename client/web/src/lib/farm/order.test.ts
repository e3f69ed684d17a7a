import { describe, expect, it } from 'vitest';
import { dropPlace, moved, moveTo, windowOf } from './order';

const IDS = ['a', 'b', 'c', 'd'];
const entries = IDS.map((id) => ({ id }));

function after(job: string, to: number): string {
  const move = moveTo(IDS, job, to);
  return move
    ? moved(entries, move)
        .map(({ id }) => id)
        .join('')
    : 'same';
}

describe('moving a job in its queue', () => {
  it('names the job it goes before, or none at the end', () => {
    expect(moveTo(IDS, 'd', 0)).toEqual({ job: 'd', before: 'a' });
    expect(moveTo(IDS, 'a', 1)).toEqual({ job: 'a', before: 'c' });
    expect(moveTo(IDS, 'a', 3)).toEqual({ job: 'a', before: '' });
  });

  it('puts it where it was asked to go', () => {
    expect(after('d', 0)).toBe('dabc');
    expect(after('a', 1)).toBe('bacd');
    expect(after('a', 3)).toBe('bcda');
  });

  it('does nothing at the ends, in place, or with a job that is gone', () => {
    expect(after('a', -1)).toBe('same');
    expect(after('d', 9)).toBe('same');
    expect(after('b', 1)).toBe('same');
    expect(moveTo(IDS, 'gone', 0)).toBeNull();
  });

  it('keeps the list whole when the job that it goes before has begun meanwhile', () => {
    expect(moved(entries, { job: 'a', before: 'gone' }).map(({ id }) => id)).toEqual(['b', 'c', 'd', 'a']);
    expect(moved(entries, { job: 'gone', before: 'a' })).toEqual(entries);
  });
});

describe('letting go over a row', () => {
  it('lands before it in its upper half and after it in its lower half', () => {
    expect(dropPlace(3, 0, false)).toBe(0);
    expect(dropPlace(3, 0, true)).toBe(1);
    expect(dropPlace(0, 2, false)).toBe(1);
    expect(dropPlace(0, 2, true)).toBe(2);
  });
});

describe('the rows that are drawn of 1,000', () => {
  it('are those in view and a few around them, never more', () => {
    expect(windowOf(1000, 34, 0, 340, 2)).toEqual({ first: 0, last: 12 });
    expect(windowOf(1000, 34, 34 * 500, 340, 2)).toEqual({ first: 498, last: 512 });
    expect(windowOf(1000, 34, 34 * 990, 340, 2)).toEqual({ first: 988, last: 1000 });
  });

  it('are none of none, also when the list has shrunk under the view', () => {
    expect(windowOf(0, 34, 0, 340)).toEqual({ first: 0, last: 0 });
    expect(windowOf(5, 34, 34 * 500, 340)).toEqual({ first: 5, last: 5 });
  });
});
