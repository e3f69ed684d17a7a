import { describe, expect, it } from 'vitest';
import type { ProjectCard } from '$lib/api';
import { contractOf, EMPTY_BRIEF, formOf, missingFromBrief, nameError, runtimeError } from './brief';
import { matching } from './gallery';
import { sortReferences } from './references';

describe('the brief', () => {
  it('survives being shown in a form', () => {
    const contract = {
      targetFormat: 'trailer',
      targetRuntime: 60,
      aspectRatio: '21:9',
      budgetCap: 20,
      styleNotes: 'Wet neon'
    };
    expect(contractOf(formOf({ ...contract, referencePack: [] }))).toEqual(contract);
  });

  it('tells a cap of zero from no cap', () => {
    expect(contractOf({ ...EMPTY_BRIEF, budget: 0 }).budgetCap).toBe(0);
    expect(contractOf(EMPTY_BRIEF).budgetCap).toBeNull();
  });

  it('says what keeps people from generating', () => {
    expect(missingFromBrief(null, 1, 'studio')).toEqual(['set a budget cap', 'add 2 more reference images']);
    expect(missingFromBrief(0, 0, 'studio')).toEqual(['add 3 reference images']);
    expect(missingFromBrief(0, 2, 'studio')).toEqual(['add 1 more reference image']);
    expect(missingFromBrief(0, 3, 'studio')).toEqual([]);
    expect(missingFromBrief(5, 0, 'sketch')).toEqual([]);
  });

  it('explains what is wrong with a field', () => {
    expect(nameError('  ')).not.toBe('');
    expect(nameError('x'.repeat(121))).not.toBe('');
    expect(nameError('Neo-Noir Laundromat')).toBe('');
    expect(runtimeError('')).toBe('');
    expect(runtimeError('1:30')).toBe('');
    expect(runtimeError('a minute')).not.toBe('');
  });
});

describe('dropped files', () => {
  const file = (name: string, type: string, size = 10) =>
    new File([new Uint8Array(size)], name, { type, lastModified: 1 });

  it('become references when they are images', () => {
    const { accepted, refused } = sortReferences([
      file('a.png', 'image/png'),
      file('b.pdf', 'application/pdf')
    ]);
    expect(accepted.map(({ name }) => name)).toEqual(['a.png']);
    expect(refused).toEqual(['b.pdf is not a PNG, JPEG or WebP image']);
  });

  it('are not taken twice', () => {
    const image = file('a.png', 'image/png');
    expect(sortReferences([image, image]).accepted).toHaveLength(1);
    expect(sortReferences([file('a.png', 'image/png')], [image]).accepted).toHaveLength(0);
  });

  it('are refused when they are too large', () => {
    expect(sortReferences([file('a.png', 'image/png', 20_000_001)]).refused).toEqual([
      'a.png is larger than 20 MB'
    ]);
  });
});

describe('the gallery', () => {
  const card = (name: string, updated: string, description = ''): ProjectCard => ({
    id: name,
    name,
    description,
    updated,
    role: 'owner',
    poster: null,
    shots: 0,
    takes: 0,
    problem: ''
  });

  it('finds projects by words, newest first', () => {
    const cards = [
      card('Noir one', '2026-01-01'),
      card('Comedy', '2026-03-01', 'no noir'),
      card('Noir two', '2026-02-01')
    ];
    expect(matching(cards, 'NOIR').map(({ name }) => name)).toEqual(['Comedy', 'Noir two', 'Noir one']);
    expect(matching(cards, 'noir two').map(({ name }) => name)).toEqual(['Noir two']);
    expect(matching(cards, ' ')).toHaveLength(3);
  });
});
