import { describe, expect, it } from 'vitest';
import { matching, offers, socketFor } from './catalogue';
import { placeAround } from './places';

describe('adding nodes', () => {
  it('finds by the starts of words', () => {
    const all = offers([], 'standard', null);
    expect(matching(all, 'sho').map((offer) => offer.type)).toEqual(['shot']);
    expect(matching(all, 'hot')).toEqual([]);
    expect(matching(all, '')).toHaveLength(5);
  });

  it('with an edge in hand offers only what it can be joined to', () => {
    const intoShot = { node: 's', type: 'shot', socket: 'style', side: 'target' } as const;
    expect(offers([], 'standard', intoShot).map((offer) => offer.type)).toEqual(['style']);
    expect(socketFor(intoShot, 'style')).toBe('style');
    const fromPrompt = { node: 'p', type: 'prompt', socket: 'text', side: 'source' } as const;
    expect(offers([], 'standard', fromPrompt).map((offer) => offer.type)).toEqual(['shot']);
  });

  it('never puts a new node exactly on another', () => {
    const taken: { x: number; y: number }[] = [];
    for (let i = 0; i < 5; i++) taken.push({ ...placeAround({ x: 0, y: 0 }, 'note', taken) });
    expect(new Set(taken.map((place) => `${place.x} ${place.y}`)).size).toBe(5);
  });
});
