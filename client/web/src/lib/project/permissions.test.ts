import { describe, expect, it } from 'vitest';
import { ACTIONS, ROLES, type Action, type Role } from '../schema/generated';
import type { LockView } from './locks';
import { roleMay, whyNot, whyRoleMayNot, type Standing, type Thing } from './permissions';

const LOCK: LockView = {
  kind: 'shot',
  target: 'rooftop',
  by: 'ana',
  byName: 'Ana',
  at: '2026-01-01T00:00:00Z',
  reason: ''
};

function standing(change: {
  role?: Role;
  guest?: boolean;
  kind?: Standing['connection']['kind'];
  takesEdits?: boolean;
  shot?: LockView;
  style?: LockView;
  contract?: LockView;
  styled?: boolean;
}): Standing {
  return {
    me: { id: 'bo', guest: change.guest ?? false },
    role: change.role ?? 'editor',
    connection: { kind: change.kind ?? 'saved', message: 'The word of the connection.' },
    takesEdits: change.takesEdits ?? true,
    locks: {
      shot: (id) => (id === 'rooftop' ? change.shot : undefined),
      style: (id) => (id === 'noir' ? change.style : undefined),
      isStyled: (id) => id === 'rooftop' && (change.styled ?? false),
      contract: change.contract
    },
    node: (id) => ({ type: 'shot', title: id === 'rooftop' ? 'Rooftop' : 'Other' }),
    edgesOf: (id) => (id === 'pipe' ? [{ source: 'pipe', target: 'rooftop', target_socket: 'style' }] : [])
  };
}

const SHOT: Thing = { kind: 'node', id: 'rooftop' };

describe('a role', () => {
  it.each(
    ROLES.flatMap((role) => (Object.keys(ACTIONS) as Action[]).map((action) => [role, action] as const))
  )('%s and %s: may, or is told why not and who can', (role, action) => {
    const reason = whyRoleMayNot(role, action);
    expect(roleMay(role, action)).toBe(ROLES.indexOf(role) >= ROLES.indexOf(ACTIONS[action]));
    expect(reason === '').toBe(roleMay(role, action));
    if (reason) expect(reason).toMatch(/\b(admin|owner)\b/);
  });

  it('that only reads is told who can make it an editor', () => {
    expect(whyNot(standing({ role: 'viewer' }), 'edit')).toBe(
      'You are a viewer of this project. An admin or the owner of this project can make you an editor.'
    );
    expect(whyNot(standing({ role: 'reviewer', guest: true }), 'edit')).toBe(
      'You are a reviewer of this project. Whoever sent you the link can invite you as an editor.'
    );
  });

  it('that may not lock is told who may', () => {
    expect(whyNot(standing({}), 'unlock')).toBe(
      'Only an admin or the owner of this project can unlock; you are an editor.'
    );
    expect(whyNot(standing({ role: 'admin' }), 'unlock')).toBe('');
  });
});

describe('the connection', () => {
  it('stops what the server decides while it is away, and not what is done on the canvas', () => {
    const away = standing({ role: 'admin', kind: 'offline' });
    expect(whyNot(away, 'edit')).toBe('');
    expect(whyNot(away, 'lock')).toMatch(/back online/);
  });

  it('stops everything when the server does not want this page', () => {
    const refused = standing({ role: 'owner', kind: 'refused', takesEdits: false });
    for (const action of ['edit', 'lock', 'snapshot'] as const)
      expect(whyNot(refused, action)).toBe('The word of the connection.');
  });

  it('stops edits where the server says that it takes none, whatever the role is said to be', () => {
    expect(whyNot(standing({ takesEdits: false }), 'edit')).toBe('The word of the connection.');
    expect(whyNot(standing({ takesEdits: false, role: 'admin' }), 'lock')).toBe('');
  });
});

describe('a locked shot', () => {
  const locked = standing({ shot: LOCK });

  it('stands still for everybody, and says who can unlock it', () => {
    const things: Thing[] = [
      SHOT,
      { kind: 'parameter', id: 'rooftop', name: 'anything' },
      { kind: 'input', id: 'rooftop', socket: 'prompt' },
      { kind: 'whole', id: 'rooftop' }
    ];
    for (const thing of things)
      expect(whyNot(locked, 'edit', thing)).toBe(
        'This shot is locked by Ana. An admin or the owner of this project can unlock it.'
      );
    expect(whyNot(standing({ shot: LOCK, role: 'owner' }), 'edit', SHOT)).toBe(
      'This shot is locked by Ana. You can unlock it.'
    );
    expect(whyNot(standing({ shot: { ...LOCK, by: 'bo' } }), 'edit', SHOT)).toContain('locked by you.');
  });

  it('is not generated again (G-073), but what is under way can be cancelled', () => {
    expect(whyNot(locked, 'generate', SHOT)).toContain('locked by Ana');
    expect(whyNot(locked, 'cancel', SHOT)).toBe('');
  });

  it('leaves the other nodes free, but for deleting what goes into it', () => {
    expect(whyNot(locked, 'edit', { kind: 'node', id: 'pipe' })).toBe('');
    expect(whyNot(locked, 'edit', { kind: 'whole', id: 'pipe' })).toContain('“Rooftop”');
    expect(whyNot(locked, 'edit', { kind: 'whole', id: 'other' })).toBe('');
  });
});

describe('a look that stands still', () => {
  it('says the words of the rule at the optics and at the style socket, and nowhere else (G-033)', () => {
    const styled = standing({ styled: true });
    const words = 'Style locked. Create new chain for different look.';
    expect(whyNot(styled, 'edit', { kind: 'parameter', id: 'rooftop', name: 'lens_mm' })).toBe(words);
    expect(whyNot(styled, 'edit', { kind: 'input', id: 'rooftop', socket: 'style' })).toBe(words);
    expect(whyNot(styled, 'edit', { kind: 'input', id: 'rooftop', socket: 'prompt' })).toBe('');
    expect(whyNot(styled, 'edit', SHOT)).toBe('');
    expect(whyNot(styled, 'edit', { kind: 'whole', id: 'pipe' })).toBe(words);
  });

  it('keeps a locked style node', () => {
    const locked = standing({ style: { ...LOCK, kind: 'style', target: 'noir' } });
    expect(whyNot(locked, 'edit', { kind: 'node', id: 'noir' })).toContain('This style is locked by Ana.');
  });
});

describe('a locked brief', () => {
  it('changes only by those who may, and the others are told who', () => {
    const contract: LockView = { ...LOCK, kind: 'contract', target: '' };
    const thing: Thing = { kind: 'contract' };
    expect(whyNot(standing({ contract }), 'edit_project', thing)).toBe(
      'The brief is locked by Ana. An admin or the owner of this project can change or unlock it.'
    );
    expect(whyNot(standing({ contract }), 'edit_project')).toBe('');
    expect(whyNot(standing({ contract, role: 'admin' }), 'edit_project', thing)).toBe('');
    expect(whyNot(standing({}), 'edit_project', thing)).toBe('');
  });
});
