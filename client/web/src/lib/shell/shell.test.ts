import { describe, expect, it } from 'vitest';
import type { Person } from '$lib/project/types';
import { badgeOf } from './badge';
import { budgetLeft } from './budget';
import { describe as describePerson, others } from './people';
import { loginAddress, nextAddress } from './session';
import { statusOf } from './status';

describe('the connection badge', () => {
  it('never calls unsaved work saved', () => {
    expect(badgeOf({ kind: 'saved', unsynced: 0 }).text).toBe('Saved');
    expect(badgeOf({ kind: 'saving', unsynced: 3 }).text).toBe('Saving 3');
    expect(badgeOf({ kind: 'stuck', unsynced: 3 }).text).toBe('Server disk fails');
    expect(badgeOf({ kind: 'stuck', unsynced: 0 }).tone).toBe('failed');
    expect(badgeOf({ kind: 'offline', unsynced: 12 }).text).toBe('Offline, 12 unsynced');
    expect(badgeOf({ kind: 'readonly', unsynced: 2 }).text).toBe('Read only, 2 refused');
  });
});

describe('the budget', () => {
  it('counts what is reserved as gone', () => {
    expect(budgetLeft({ cap: 20, spent: 3, reserved: 1 })).toMatchObject({
      left: 16,
      usedPercent: 20,
      text: '$16.00 left'
    });
  });

  it('warns before it is spent and never goes below zero', () => {
    expect(budgetLeft({ cap: 10, spent: 9.5, reserved: 0 }).isTight).toBe(true);
    expect(budgetLeft({ cap: 10, spent: 12, reserved: 0 })).toMatchObject({ left: 0, usedPercent: 100 });
  });

  it('tells no cap from a cap of zero', () => {
    expect(budgetLeft({ cap: null, spent: 0, reserved: 0 }).left).toBeNull();
    expect(budgetLeft({ cap: 0, spent: 0, reserved: 0 })).toMatchObject({ left: 0, isTight: false });
  });
});

describe('signing in', () => {
  it('comes back to where one was', () => {
    expect(loginAddress('/projects/p1?x=1')).toBe('/login?next=%2Fprojects%2Fp1%3Fx%3D1');
    expect(nextAddress('/projects/p1?x=1')).toBe('/projects/p1?x=1');
  });

  it('goes to no other site', () => {
    for (const next of [
      '//evil.example',
      'https://evil.example',
      '/\\evil.example',
      null,
      '/login?next=/login'
    ]) {
      expect(nextAddress(next)).toBe('/');
    }
  });
});

function person(clientId: number, id: string, fields: Partial<Person> = {}): Person {
  const user = { id, name: id === 'u1' ? 'Ada' : 'Bo', hue: 0 };
  return { clientId, user, isMe: false, cursor: null, selection: [], dragging: {}, editing: null, ...fields };
}

describe('the people in the room', () => {
  it('are shown once each, without me', () => {
    const groups = others([person(1, 'u1', { isMe: true }), person(2, 'u2'), person(3, 'u2')], 'u1');
    expect(groups.map(describePerson)).toEqual(['Bo, 2 windows']);
  });

  it('include my other windows, and say so', () => {
    const groups = others([person(1, 'u1', { isMe: true }), person(2, 'u1')], 'u1');
    expect(groups.map(describePerson)).toEqual(['Ada (you, elsewhere)']);
  });

  it('are found at the window in which they move', () => {
    const groups = others([person(2, 'u2'), person(3, 'u2', { cursor: { x: 1, y: 2 } })], 'u1');
    expect(groups[0]?.person.clientId).toBe(3);
  });
});

describe('the status of a shot', () => {
  const states = (state: string, status?: string, takes = 0) =>
    ({
      stateOf: () => state,
      jobOf: () => (status ? { status } : undefined),
      takesOf: () => Array(takes).fill({})
    }) as unknown as Parameters<typeof statusOf>[0];

  it('is the status of its latest job', () => {
    expect(statusOf(states('generating', 'queued'), 'x')).toBe('queued');
    expect(statusOf(states('error', 'refused', 2), 'x')).toBe('refused');
  });

  it('is asked until the server has judged', () => {
    expect(statusOf(states('asked', 'completed', 1), 'x')).toBe('asked');
  });

  it('does not let a cancelled try hide the takes there are', () => {
    expect(statusOf(states('idle', 'cancelled', 1), 'x')).toBe('completed');
    expect(statusOf(states('idle'), 'x')).toBe('idle');
  });
});
