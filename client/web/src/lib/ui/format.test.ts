import { describe, expect, it } from 'vitest';
import { ahead, ago, bytes, count, duration, money, parseRuntime, runtime, timecode } from './format';

describe('money', () => {
  it.each([
    [0, '$0.00'],
    [0.05, '$0.05'],
    [12.4, '$12.40'],
    [1250, '$1,250'],
    [1250.5, '$1,250.50'],
    [-3, '-$3.00']
  ])('writes %d as %s', (usd, text) => expect(money(usd)).toBe(text));

  it('keeps fractions of a cent, because farms charge them', () => {
    expect(money(0.0025)).toBe('$0.0025');
  });

  it('has a dash for what is no number', () => {
    expect(money(Number.NaN)).toBe('–');
  });
});

describe('duration', () => {
  it.each([
    [0.84, '0.8 s'],
    [3, '3 s'],
    [12.4, '12 s'],
    [59.7, '1 min 00 s'],
    [185, '3 min 05 s'],
    [4800, '1 h 20 min']
  ])('writes %d seconds as %s', (seconds, text) => expect(duration(seconds)).toBe(text));
});

describe('runtime', () => {
  it.each([
    [60, '1:00'],
    [750, '12:30'],
    [5700, '1:35:00']
  ])('writes %d seconds as %s and reads it back', (seconds, text) => {
    expect(runtime(seconds)).toBe(text);
    expect(parseRuntime(text)).toBe(seconds);
  });

  it('reads plain seconds', () => {
    expect(parseRuntime(' 90 ')).toBe(90);
  });

  it.each(['', 'soon', '1:2:3:4', '1:-3', '1:'])('does not read %o', (text) => {
    expect(parseRuntime(text)).toBeNull();
  });
});

describe('timecode', () => {
  it('counts frames in whole seconds', () => {
    expect(timecode(0, 24)).toBe('00:00:00:00');
    expect(timecode(23, 24)).toBe('00:00:00:23');
    expect(timecode(24 * 3661 + 5, 24)).toBe('01:01:01:05');
  });
});

describe('bytes', () => {
  it.each([
    [812, '812 B'],
    [48_000, '48 KB'],
    [1_400_000, '1.4 MB'],
    [999_900, '1 MB'],
    [20_000_000, '20 MB']
  ])('writes %d as %s', (size, text) => expect(bytes(size)).toBe(text));
});

describe('ago', () => {
  const now = new Date('2026-11-20T12:00:00Z');

  it.each([
    ['2026-11-20T11:59:40Z', 'just now'],
    ['2026-11-20T11:56:00Z', '4 min ago'],
    ['2026-11-20T09:00:00Z', '3 h ago'],
    ['2026-11-19T11:00:00Z', 'yesterday'],
    ['2026-11-16T12:00:00Z', '4 days ago'],
    ['2026-03-02T12:00:00Z', '2 Mar'],
    ['2024-03-02T12:00:00Z', '2 Mar 2024'],
    ['', '']
  ])('writes %o as %o', (iso, text) => expect(ago(iso, now)).toBe(text));

  it('calls a clock that runs ahead just now', () => {
    expect(ago('2026-11-20T12:00:30Z', now)).toBe('just now');
  });
});

describe('count', () => {
  it('knows one from many', () => {
    expect(count(1, 'shot')).toBe('1 shot');
    expect(count(0, 'shot')).toBe('0 shots');
    expect(count(2000, 'entry', 'entries')).toBe('2,000 entries');
  });
});

describe('what is still to come', () => {
  const now = new Date('2026-03-01T12:00:00Z');

  it('is told in the unit people plan in', () => {
    expect(ahead('2026-03-01T12:20:00Z', now)).toBe('in 20 min');
    expect(ahead('2026-03-02T12:00:00Z', now)).toBe('in 24 h');
    expect(ahead('2026-03-08T12:00:00Z', now)).toBe('in 7 days');
    expect(ahead('2027-03-08T12:00:00Z', now)).toBe('on 8 Mar 2027');
  });

  it('is over once it has passed', () => {
    expect(ahead('2026-03-01T11:59:59Z', now)).toBe('over');
    expect(ahead('never', now)).toBe('');
  });
});
