import { describe, expect, it } from 'vitest';
import type { Role } from '$lib/schema/generated';
import { inOrder, rolesToGive, viaWords, whyNotChange, whyNotLeave, whyNotRemove } from './members';
import type { Member } from './rest';

function member(id: string, role: Role, via: Member['via'] = 'member'): Member {
  return { id, name: id, hue: 0, role, guest: via === 'share', via };
}

describe('the roles one may give', () => {
  it('stop below admin for an admin, and at admin for the owner', () => {
    expect(rolesToGive('admin').map((choice) => choice.value)).toEqual(['viewer', 'reviewer', 'editor']);
    expect(rolesToGive('owner').map((choice) => choice.value)).toContain('admin');
    expect(rolesToGive('owner').map((choice) => choice.value)).not.toContain('owner');
  });

  it('are none for everybody else', () => {
    expect(rolesToGive('editor')).toEqual([]);
  });
});

describe('the role of a member', () => {
  it('is changed by admins and the owner', () => {
    expect(whyNotChange('admin', member('bo', 'editor'), 'ana')).toBe('');
    expect(whyNotChange('owner', member('bo', 'admin'), 'ana')).toBe('');
    expect(whyNotChange('editor', member('bo', 'viewer'), 'ana')).toMatch(/an admin or the owner/);
  });

  it('is out of reach of an admin when it is as high as theirs', () => {
    expect(whyNotChange('admin', member('bo', 'admin'), 'ana')).toMatch(/Only the owner/);
  });

  it('of an admin of the workspace holds in every project of it', () => {
    expect(whyNotChange('owner', member('bo', 'admin', 'workspace'), 'ana')).toMatch(/of the workspace/);
  });

  it('is never changed by oneself, nor for a guest or an owner', () => {
    expect(whyNotChange('admin', member('ana', 'admin'), 'ana')).toMatch(/their own role/);
    expect(whyNotChange('owner', member('gil', 'viewer', 'share'), 'ana')).toMatch(/link/);
    expect(whyNotChange('owner', member('cy', 'owner'), 'ana')).toMatch(/gives? the project/);
  });
});

describe('going away', () => {
  it('is refused to an owner, who has to find another first', () => {
    expect(whyNotLeave(member('ana', 'owner'))).toMatch(/somebody else/);
    expect(whyNotLeave(member('bo', 'admin'))).toBe('');
  });

  it('makes no sense for somebody who is here like everybody is', () => {
    expect(whyNotRemove('owner', member('bo', 'editor', 'workspace'), 'workspace')).toMatch(/Only members/);
    expect(whyNotLeave(member('bo', 'editor', 'workspace'))).not.toBe('');
  });

  it('can be made to happen by an admin to those below', () => {
    expect(whyNotRemove('admin', member('bo', 'editor'), 'workspace')).toBe('');
    expect(whyNotRemove('admin', member('bo', 'admin'), 'members')).toMatch(/owner/);
    expect(whyNotRemove('reviewer', member('bo', 'viewer'), 'members')).toMatch(/an admin/);
  });
});

it('lists me first, then by role, then by name', () => {
  const list = [
    member('zoe', 'editor'),
    member('bo', 'owner'),
    member('me', 'viewer'),
    member('al', 'editor')
  ];
  expect(inOrder(list, 'me').map((each) => each.id)).toEqual(['me', 'bo', 'al', 'zoe']);
});

it('says how somebody came in', () => {
  expect(viaWords(member('gil', 'viewer', 'share'))).toBe('Guest, by a link');
});
