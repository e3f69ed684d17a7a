import { describe, expect, it } from 'vitest';
import { matching, mayAdd, NODE_ORDER, offers, socketFor } from './catalogue';
import type { PipelineInfo } from '../api';
import type { NodeType } from '../schema/generated';
import { boundsOf, freePlace, placeAt, type Box } from './places';
import { GUESSED_HEIGHTS, WIDTHS } from './sizes';

describe('adding nodes', () => {
  it('finds by the starts of words', () => {
    const all = offers([], 'standard', true, null);
    expect(matching(all, 'sho').map((offer) => offer.type)).toEqual(['shot']);
    expect(matching(all, 'hot')).toEqual([]);
    expect(matching(all, '')).toHaveLength(5);
  });

  describe('also those pipelines that cannot run here', () => {
    const pipeline = (id: string, available: boolean, unavailable?: string): PipelineInfo => ({
      id,
      version: '1.0.0',
      label: id,
      summary: `What ${id} does`,
      inputs: [],
      params: [],
      price_usd: 0,
      tiers: {
        standard: {
          available,
          needs: available ? '' : 'a 24 GB GPU node',
          long_edge_px: 1024,
          seconds_prior: 1
        }
      },
      licence: '',
      source: '',
      ...(unavailable && { unavailable })
    });
    const ALL = [
      pipeline('writer', false, 'hands in words'),
      pipeline('flux', false),
      pipeline('previz', true)
    ];
    const shown = (waits: boolean) =>
      matching(offers(ALL, 'standard', waits, null), 'pipeline')
        .slice(1)
        .map((offer) => [offer.label, offer.detail, mayAdd(offer)]);

    it('offers after the others, with what they wait for', () => {
      expect(shown(true)).toEqual([
        ['Pipeline: previz', 'What previz does', true],
        ['Pipeline: flux', 'Waits for a 24 GB GPU node; none is connected.', true],
        ['Pipeline: writer', 'It hands in words.', false]
      ]);
    });

    it('adds none of them where the project does not wait', () => {
      expect(shown(false).filter(([, , may]) => may)).toEqual([
        ['Pipeline: previz', 'What previz does', true]
      ]);
      expect(shown(false)[2]).toEqual(['Pipeline: flux', 'Needs a 24 GB GPU node.', false]);
    });
  });

  it('with an edge in hand offers only what it can be joined to', () => {
    const intoShot = { node: 's', type: 'shot', socket: 'style', side: 'target' } as const;
    expect(offers([], 'standard', true, intoShot).map((offer) => offer.type)).toEqual(['style']);
    expect(socketFor(intoShot, 'style')).toBe('style');
    const fromPrompt = { node: 'p', type: 'prompt', socket: 'text', side: 'source' } as const;
    expect(offers([], 'standard', true, fromPrompt).map((offer) => offer.type)).toEqual(['shot']);
  });
});

describe('a place for a new node', () => {
  const view = { x: 0, y: 0, width: 900, height: 700 };
  const at = (place: { x: number; y: number }, type: NodeType) => ({
    ...place,
    width: WIDTHS[type],
    height: GUESSED_HEIGHTS[type]
  });

  it('is the middle while that is free, then beside what is there, in sight', () => {
    const shot = at(freePlace(view, 'shot', []), 'shot');
    expect(shot).toMatchObject({ x: 290, y: 175 });
    const pipeline = at(freePlace(view, 'pipeline', [shot]), 'pipeline');
    expect(pipeline.x + pipeline.width).toBeLessThan(shot.x);
    const note = at(freePlace(view, 'note', [shot, pipeline]), 'note');
    expect(note.x).toBeGreaterThan(shot.x + shot.width);
    for (const box of [pipeline, note]) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(view.width);
    }
  });

  it('has a box around all that is there', () => {
    expect(boundsOf([])).toBeUndefined();
    expect(boundsOf([at({ x: -10, y: 5 }, 'note'), at({ x: 100, y: 0 }, 'note')])).toEqual({
      x: -10,
      y: 0,
      width: 110 + WIDTHS.note,
      height: 5 + GUESSED_HEIGHTS.note
    });
  });

  it('never overlaps another, however many are added', () => {
    const taken: Box[] = [];
    for (let i = 0; i < 30; i++) {
      const type = NODE_ORDER[i % NODE_ORDER.length] as NodeType;
      const box = at(freePlace(view, type, taken), type);
      const hit = taken.some(
        (other) =>
          box.x < other.x + other.width &&
          other.x < box.x + box.width &&
          box.y < other.y + other.height &&
          other.y < box.y + box.height
      );
      expect(hit).toBe(false);
      taken.push(box);
    }
  });

  it('that was pointed at is kept, unless a node stands exactly there', () => {
    const first = placeAt({ x: 0, y: 0 }, 'note', []);
    expect(first).toEqual({ x: -WIDTHS.note / 2, y: -GUESSED_HEIGHTS.note / 2 });
    expect(placeAt({ x: 0, y: 0 }, 'note', [at(first, 'note')])).not.toEqual(first);
  });
});
