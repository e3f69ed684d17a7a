import { describe as group, expect, it } from 'vitest';
import { CLOSE_CODES } from '../schema/generated';
import { describe, mayRetry, refusalFor, type Facts } from './connection';

const WELL: Facts = {
  browserOnline: true,
  live: true,
  stalled: false,
  first: false,
  mayWrite: true,
  changeRefused: false,
  settled: true,
  unsynced: 0,
  keptLocally: true,
  refusal: '',
  failure: ''
};

group('the connection badge', () => {
  it.each<[Partial<Facts>, string]>([
    [{}, 'saved'],
    [{ unsynced: 3 }, 'saving'],
    [{ settled: false }, 'saving'],
    [{ browserOnline: false }, 'offline'],
    [{ stalled: true }, 'offline'],
    [{ live: false }, 'offline'],
    [{ live: false, first: true }, 'connecting'],
    [{ live: false, first: true, browserOnline: false }, 'offline'],
    [{ mayWrite: false, settled: false }, 'readonly'],
    [{ changeRefused: true, unsynced: 1 }, 'readonly'],
    [{ refusal: 'no', live: false }, 'refused'],
    [{ failure: 'other epoch', refusal: 'no' }, 'failed']
  ])('%j is %s', (change, kind) => {
    expect(describe({ ...WELL, ...change }).kind).toBe(kind);
  });

  it('says how many edits wait, and where they are kept', () => {
    expect(describe({ ...WELL, live: false, unsynced: 12 }).message).toContain(
      '12 edits kept in this browser'
    );
    const lost = describe({ ...WELL, live: false, unsynced: 1, keptLocally: false });
    expect(lost.message).toContain('1 edit kept only while this page stays open');
    expect(lost.unsynced).toBe(1);
  });
});

group('close codes', () => {
  it.each([
    [1000, true],
    [1006, true],
    [CLOSE_CODES.GOING_AWAY, true],
    [CLOSE_CODES.TRY_AGAIN_LATER, true],
    [4399, true],
    [CLOSE_CODES.BAD_MESSAGE, false],
    [CLOSE_CODES.UNAUTHORISED, false],
    [4499, false],
    [CLOSE_CODES.REPLACED, true]
  ])('%i: retry is %s', (code, retry) => expect(mayRetry(code)).toBe(retry));

  it('in the band that stops are explained, also unknown ones', () => {
    expect(refusalFor(CLOSE_CODES.UNAUTHORISED, '')).toContain('Sign in again');
    expect(refusalFor(CLOSE_CODES.OTHER_EPOCH, '')).toContain('kept in this browser');
    expect(refusalFor(4477, 'too many cooks')).toContain('too many cooks');
    expect(refusalFor(4477, '')).toContain('4477');
  });
});
