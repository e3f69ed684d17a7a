import { describe, expect, it } from 'vitest';
import type { PutBack } from '../project/not-kept.svelte';
import { placeOf, shown, whyNotKept } from './words';

const EDIT: PutBack = {
  id: 'p1',
  at: '2026-01-01T00:00:00Z',
  document: 'canvas',
  root: 'nodes',
  record: 'shot-1',
  field: 'prompt',
  title: 'Old name',
  rule: 'shot_lock',
  message: 'This shot is locked by Ana.',
  lift: 'an admin or the owner of this project',
  values: undefined
};
const project = { node: (id: string) => (id === 'shot-1' ? { title: 'Rooftop' } : undefined) };

describe('what was not kept, in words', () => {
  it('says what happened and who can help', () => {
    expect(whyNotKept(EDIT)).toBe(
      'Not kept: this shot is locked by Ana. An admin or the owner of this project can unlock it.'
    );
    expect(
      whyNotKept({ ...EDIT, rule: 'schema', message: 'Title was put back: it is too long.', lift: '' })
    ).toBe('Not kept: title was put back: it is too long.');
  });

  it('names the place as it is called today', () => {
    expect(placeOf(EDIT, project)).toBe('Prompt of “Rooftop”');
    expect(placeOf({ ...EDIT, record: 'gone', field: 'position' }, project)).toBe('Place of “Old name”');
    expect(placeOf({ ...EDIT, field: 'deleted' }, project)).toBe('Deleting “Rooftop”');
    const values = { proposed: { target: 'shot-1' }, kept: null };
    expect(placeOf({ ...EDIT, root: 'edges', field: '', values }, project)).toBe('A link into “Rooftop”');
  });

  it('shows values as people read them', () => {
    expect(shown('neon rain', 'prompt')).toBe('neon rain');
    expect(shown('', 'prompt')).toBe('Nothing');
    expect(shown(null, '')).toBe('Nothing');
    expect(shown({ x: 1.4, y: 2 }, 'position')).toBe('1, 2');
    expect(shown(['#000000', '#ffffff'], 'palette')).toBe('#000000, #ffffff');
    expect(shown({ lens_mm: 35, lighting: 'soft' }, 'parameters')).toBe('lens mm: 35\nlighting: soft');
    expect(shown(true, 'deleted')).toBe('Deleted');
  });
});
