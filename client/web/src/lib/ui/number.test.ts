import { describe, expect, it } from 'vitest';
import { nudge, parseNumber } from './number';

describe('a typed number', () => {
  it('may carry money signs, commas and spaces', () => {
    expect(parseNumber(' $1,250.50 ')).toBe(1250.5);
  });

  it('snaps to the nearest end of its range', () => {
    expect(parseNumber('900', { min: 12, max: 300 })).toBe(300);
    expect(parseNumber('3.6', { integer: true })).toBe(4);
  });

  it('tells an empty field from a wrong one', () => {
    expect(parseNumber('  ')).toBeNull();
    expect(parseNumber('35mm')).toBeUndefined();
    expect(parseNumber('1e999')).toBeUndefined();
  });
});

describe('arrow keys', () => {
  it('step by one, by ten with Shift, and stay in range', () => {
    expect(nudge(35, 1, { max: 300 }, false)).toBe(36);
    expect(nudge(35, -1, { min: 30 }, true)).toBe(30);
  });

  it('add tenths without dust', () => {
    expect(nudge(0.1, 1, { step: 0.2 }, false)).toBe(0.3);
  });
});
