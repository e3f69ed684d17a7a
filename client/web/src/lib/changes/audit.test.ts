import { describe, expect, it } from 'vitest';
import { reasonOf, sentenceOf } from './audit';
import type { AuditEntry } from './rest';

function entry(action: string, fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: 1,
    at: '2026-03-01T12:00:00Z',
    by: { id: 'u1', name: 'Ana' },
    action,
    target: 'u2',
    target_name: '',
    reason: '',
    detail: '',
    ...fields
  };
}

const names = (id: string) => ({ u1: 'Ana', u2: 'Bo' })[id];
const told = (of: AuditEntry) => {
  const { did, what, more } = sentenceOf(of, names);
  return [of.by.name, did, what, more].filter(Boolean).join(' ');
};

describe('the audit log', () => {
  it('names people, not ids', () => {
    expect(told(entry('role_change', { detail: 'viewer -> editor' }))).toBe(
      'Ana changed the role of Bo from viewer to editor'
    );
    expect(told(entry('member_added', { detail: 'reviewer' }))).toBe('Ana added Bo as reviewer');
    expect(told(entry('member_removed', { target: 'gone', detail: 'editor' }))).toBe(
      'Ana removed somebody who left (editor)'
    );
    expect(told(entry('member_removed', { target: 'gone', target_name: 'Eve', detail: 'editor' }))).toBe(
      'Ana removed Eve (editor)'
    );
  });

  it('says that somebody left by themselves', () => {
    expect(told(entry('member_removed', { target: 'u1', detail: 'editor' }))).toBe('Ana left');
  });

  it('says what was locked, and keeps the reason', () => {
    const unlock = entry('unlock', { target: 'shot:s1', detail: 'Rain on glass', reason: 'Wider lens' });
    expect(told(unlock)).toBe('Ana unlocked the shot Rain on glass');
    expect(reasonOf(unlock)).toBe('Wider lens');
  });

  it('has words for an action it does not know', () => {
    expect(told(entry('something_new', { target: 'x' }))).toBe('Ana something new x');
  });
});
