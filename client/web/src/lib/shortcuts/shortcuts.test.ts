import { describe, expect, it } from 'vitest';
import { normalise } from '$lib/ui/keys';
import { chordFor, conflicts, SHORTCUTS, studioShortcut, type Shortcut } from './shortcuts';

describe('the table of shortcuts', () => {
  it('gives no chord to two actions', () => {
    expect(conflicts(SHORTCUTS)).toEqual([]);
  });

  it('spells every chord as it is read from the keyboard', () => {
    for (const { chords } of SHORTCUTS) for (const chord of chords) expect(normalise(chord)).toBe(chord);
  });

  it('knows the chord of an action, and that some have none', () => {
    expect(chordFor('undo')).toBe('Mod+Z');
    expect(chordFor('contrast')).toBe('');
  });
});

describe('a pressed chord', () => {
  it('acts in the studio', () => {
    expect(studioShortcut('Mod+Shift+Z', false)?.id).toBe('redo');
    expect(studioShortcut('Mod+Y', false)?.id).toBe('redo');
  });

  it('leaves the canvas its own keys', () => {
    expect(studioShortcut('Delete', false)).toBeUndefined();
  });

  it('leaves typing alone, except for what is needed everywhere', () => {
    expect(studioShortcut('?', true)).toBeUndefined();
    expect(studioShortcut('Mod+Z', true)).toBeUndefined();
    expect(studioShortcut('Mod+K', true)?.id).toBe('palette');
  });
});

it('finds a conflict however the chords are spelt', () => {
  const make = (id: string, chord: string): Shortcut => ({
    id,
    label: id,
    group: 'General',
    chords: [chord],
    scope: 'studio'
  });
  expect(conflicts([make('a', 'Mod+Shift+X'), make('b', 'shift+mod+x'), make('c', 'X')])).toEqual([
    { chord: 'Mod+Shift+X', ids: ['a', 'b'] }
  ]);
});
