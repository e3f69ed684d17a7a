import { describe, expect, it } from 'vitest';
import type { Narrative } from '$lib/schema/generated';
import { buildTree, moveInTree, shotCode, visibleRows, type ShotEntry, type TreeItem } from './tree';

const narrative: Narrative = {
  structure: 'three-act',
  emotionalBeats: [],
  chapters: [
    { number: 2, title: 'Confrontation', scenes: [] },
    { number: 1, title: 'Setup', scenes: [{ number: 1, title: 'Laundromat', summary: '' }] }
  ]
};

function shot(id: string, place: Partial<ShotEntry> = {}): ShotEntry {
  return { id, title: id, chapter: 1, scene: 1, shot: 1, ...place };
}

function build(shots: ShotEntry[]): TreeItem[] {
  return buildTree(narrative, shots, (id) =>
    id === 'door' ? [{ id: 't1', name: 'S01_S01_take01', number: 1 }] : []
  );
}

function outline(items: TreeItem[], depth = 0): string[] {
  return items.flatMap((item) => [
    `${'  '.repeat(depth)}${item.title}`,
    ...outline(item.children, depth + 1)
  ]);
}

describe('the tree of the film', () => {
  it('hangs shots and takes into chapters and scenes, in the order of their numbers', () => {
    expect(outline(build([shot('coin', { shot: 2 }), shot('door')]))).toEqual([
      'Setup',
      '  Laundromat',
      '    door',
      '      Take 1',
      '    coin',
      'Confrontation'
    ]);
  });

  it('shows scenes and chapters that only shots mention', () => {
    expect(outline(build([shot('epilogue', { chapter: 3, scene: 4 })]))).toEqual([
      'Setup',
      '  Laundromat',
      'Confrontation',
      'Chapter 3',
      '  Scene 4',
      '    epilogue'
    ]);
  });

  it('marks shots that two people gave the same number', () => {
    const [setup] = build([shot('a'), shot('b'), shot('c', { shot: 2 })]);
    expect(setup?.children[0]?.children.map((entry) => [entry.title, entry.clash])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false]
    ]);
  });

  it('writes scene and shot as take names do', () => {
    expect(shotCode({ scene: 1, shot: 12 })).toBe('S01_S12');
  });
});

describe('the rows in view', () => {
  const items = build([shot('door'), shot('coin', { shot: 2 })]);
  const titles = (flipped: string[] = []) =>
    visibleRows(items, new Set(flipped)).map((row) => row.item.title);

  it('are open down to the shots, and takes are folded', () => {
    expect(titles()).toEqual(['Setup', 'Laundromat', 'door', 'coin', 'Confrontation']);
  });

  it('follow what somebody flipped', () => {
    expect(titles(['shot/door'])).toContain('Take 1');
    expect(titles(['scene/1/1'])).toEqual(['Setup', 'Laundromat', 'Confrontation']);
  });

  it('know their place for screen readers', () => {
    const door = visibleRows(items, new Set()).find((row) => row.item.title === 'door');
    expect(door).toMatchObject({ level: 3, position: 1, siblings: 2, parent: 'scene/1/1' });
  });
});

describe('arrow keys', () => {
  const rows = visibleRows(build([shot('door')]), new Set());

  it('move between rows and stop at the ends', () => {
    expect(moveInTree(rows, 'chapter/1', 'ArrowDown')).toEqual({ focus: 'scene/1/1' });
    expect(moveInTree(rows, 'chapter/1', 'ArrowUp')).toEqual({ focus: 'chapter/1' });
    expect(moveInTree(rows, 'chapter/1', 'End')).toEqual({ focus: 'chapter/2' });
  });

  it('open, enter, fold and leave', () => {
    expect(moveInTree(rows, 'shot/door', 'ArrowRight')).toEqual({ flip: 'shot/door' });
    expect(moveInTree(rows, 'chapter/1', 'ArrowRight')).toEqual({ focus: 'scene/1/1' });
    expect(moveInTree(rows, 'scene/1/1', 'ArrowLeft')).toEqual({ flip: 'scene/1/1' });
    expect(moveInTree(rows, 'shot/door', 'ArrowLeft')).toEqual({ focus: 'scene/1/1' });
    expect(moveInTree(rows, 'chapter/2', 'ArrowRight')).toBeNull();
  });
});
