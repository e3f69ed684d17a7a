import { describe, expect, it } from 'vitest';
import { contactSheet, type ContactShot } from './contact';

function shot(id: string, number: number, stars: Record<string, boolean> = {}): ContactShot {
  return { id, title: id, chapter: 1, scene: 1, shot: number, active_take: '', stars };
}

const takes: Record<string, { id: string }[]> = {
  door: [{ id: 'd1' }, { id: 'd2' }],
  wait: [{ id: 'w1' }],
  coin: []
};

function sheet(filter: 'all' | 'starred' | 'active') {
  const shots = [shot('wait', 2), shot('coin', 3), shot('door', 1, { d1: true, d2: false })];
  const strips = contactSheet(
    shots,
    (id) => takes[id] ?? [],
    (id) => takes[id]?.at(-1)?.id,
    filter
  );
  return strips.map((strip) => `${strip.code} ${strip.takes.map((take) => take.id).join(' ')}`);
}

describe('the contact sheet', () => {
  it('lays takes out in the order of the film and leaves out shots without any', () => {
    expect(sheet('all')).toEqual(['S01_S01 d1 d2', 'S01_S02 w1']);
  });

  it('shows the starred ones', () => {
    expect(sheet('starred')).toEqual(['S01_S01 d1']);
  });

  it('shows the one of each shot that stands', () => {
    expect(sheet('active')).toEqual(['S01_S01 d2', 'S01_S02 w1']);
  });
});
