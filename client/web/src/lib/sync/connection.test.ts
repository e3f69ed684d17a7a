import { describe as group, expect, it } from 'vitest';
import { CLOSE_CODES } from '../schema/generated';
import { describe, mayRetry, pauseFor, refusalFor, type Facts } from './connection';

const WELL: Facts = {
  browserOnline: true,
  live: true,
  stalled: false,
  first: false,
  mayWrite: true,
  changeRefused: false,
  settled: true,
  unsynced: 0,
  diskFails: false,
  keptLocally: true,
  pause: '',
  refusal: '',
  failure: ''
};

group('the connection badge', () => {
  it.each<[Partial<Facts>, string]>([
    [{}, 'saved'],
    [{ unsynced: 3 }, 'saving'],
    [{ settled: false }, 'saving'],
    [{ diskFails: true }, 'stuck'],
    [{ diskFails: true, unsynced: 3 }, 'stuck'],
    [{ diskFails: true, mayWrite: false }, 'readonly'],
    [{ diskFails: true, live: false }, 'offline'],
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

  it('says that nothing is lost while the server cannot write its disk, and where else the edits are', () => {
    const { message } = describe({ ...WELL, diskFails: true, unsynced: 2 });
    expect(message).toBe(
      'The server cannot write its disk and keeps trying. Nothing is lost as long as this page stays open; ' +
        '2 edits are kept in this browser too.'
    );
    const unkept = describe({ ...WELL, diskFails: true, unsynced: 2, keptLocally: false }).message;
    expect(unkept).toContain('as long as this page stays open.');
    expect(unkept).not.toContain('in this browser');
    expect(describe({ ...WELL, diskFails: true, unsynced: 1 }).message).toContain('1 edit is kept');
  });

  it('says why the server sent the page away for now, unless there is no network anyway', () => {
    const away = { ...WELL, live: false, pause: 'The server is being stopped or restarted.' };
    expect(describe(away).message).toBe(
      'The server is being stopped or restarted. You can go on working; edits are sent when you are connected again.'
    );
    expect(describe({ ...away, unsynced: 2 }).message).toContain(
      '2 edits kept in this browser, to be sent when'
    );
    expect(describe({ ...away, browserOnline: false }).message).toMatch(/^Offline/);
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
    expect(refusalFor(CLOSE_CODES.TOO_FREQUENT, 'x')).toContain('more than the server takes');
    expect(refusalFor(CLOSE_CODES.BAD_MESSAGE, 'a message of the unknown kind 9')).toContain(
      'kind 9. Reload'
    );
    for (const code of Object.values(CLOSE_CODES)) expect(refusalFor(code, '')).toMatch(/\w.*\.$/);
  });

  it('name the limit that was passed', () => {
    const tooLarge = refusalFor(CLOSE_CODES.TOO_LARGE, 'An update may hold at most 33554432 bytes.');
    expect(tooLarge).toContain('An update may hold at most 32 MB. It is kept in this browser.');
    expect(refusalFor(CLOSE_CODES.TOO_LARGE, '')).toContain('it is too large.');
  });

  it('outside of it say why there is a pause, until the server says something else', () => {
    const full = pauseFor(CLOSE_CODES.TRY_AGAIN_LATER, 'Too many people have this document open', '');
    expect(full).toContain(
      'no place for this page right now: Too many people have this document open. It is asked'
    );
    expect(pauseFor(1006, '', full)).toBe(full);
    expect(pauseFor(CLOSE_CODES.GOING_AWAY, 'x', full)).toContain('restarted');
    expect(pauseFor(1006, '', '')).toBe('');
  });
});
