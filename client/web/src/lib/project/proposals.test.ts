import { describe, expect, it } from 'vitest';
import { addNode, connect, deleteNodes, setField } from './commands';
import { sendAgain, standing, whyNotAgain, type Proposal } from './proposals';
import { Desk } from './testing';

const AT = { x: 0, y: 0 };

function putBack(record: string, field: string, proposed: unknown, change: Partial<Proposal> = {}): Proposal {
  return {
    id: 'p1',
    at: '2026-01-01T00:00:00Z',
    document: 'canvas',
    root: 'nodes',
    record,
    field,
    title: '',
    rule: 'shot_lock',
    message: 'This shot is locked by Ana.',
    lift: 'an admin or the owner of this project',
    proposed,
    kept: '',
    ...change
  };
}

describe('sending again what was not kept', () => {
  it('waits until the lock is lifted, and says who can lift it', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', AT);
    const edit = putBack(shot, 'prompt', 'written on the train');
    desk.locked.add(shot);
    expect(whyNotAgain(desk, edit)).toBe('It is locked.');
    sendAgain(desk, edit);
    expect(desk.text(shot, 'prompt').toString()).toBe('');
    desk.locked.delete(shot);
    expect(whyNotAgain(desk, edit)).toBe('');
    sendAgain(desk, edit);
    expect(desk.text(shot, 'prompt').toString()).toBe('written on the train');
    expect(standing(desk, edit)).toBe('written on the train');
    expect(whyNotAgain(desk, edit)).toBe('It stands like this already.');
  });

  it('is an edit like any other, which undo takes back', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', AT);
    sendAgain(desk, putBack(shot, 'title', 'Rooftop at dusk'));
    expect(desk.node(shot)?.title).toBe('Rooftop at dusk');
    desk.history.undo();
    expect(desk.node(shot)?.title).toBe('Shot 1');
  });

  it('writes parameters, places, deletions and links', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', AT);
    const pipeline = addNode(desk, 'pipeline', AT);
    sendAgain(desk, putBack(shot, 'parameters', { lens_mm: 85 }));
    expect(desk.record(shot).parameters).toEqual({ lens_mm: 85 });
    sendAgain(desk, putBack(shot, 'position', { x: 10.4, y: 20 }));
    expect(desk.node(shot)?.position).toEqual({ x: 10, y: 20 });
    const edge = { source: pipeline, source_socket: 'pipeline', target: shot, target_socket: 'pipeline' };
    sendAgain(desk, putBack('edge-1', '', edge, { root: 'edges' }));
    expect(desk.edges.map(({ id }) => id)).toEqual(['edge-1']);
    sendAgain(desk, putBack('edge-1', '', null, { root: 'edges' }));
    expect(desk.edges).toEqual([]);
    sendAgain(desk, putBack(shot, 'deleted', true));
    expect(desk.node(shot)).toBeUndefined();
  });

  it('cannot be done where the rule stands for everybody, or where there is nothing to write to', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', AT);
    expect(whyNotAgain(desk, putBack(shot, 'title', 7, { rule: 'schema' }))).toMatch(/put back again/);
    expect(whyNotAgain(desk, putBack('never-there', 'title', 'x'))).toMatch(/not on the canvas/);
    expect(whyNotAgain(desk, putBack('i1', '', {}, { root: 'intents' }))).toMatch(/copied/);
    const pipeline = addNode(desk, 'pipeline', AT);
    const edge = connect(desk, pipeline, 'pipeline', shot, 'pipeline') as string;
    const wanted = { ...desk.edges[0] };
    deleteNodes(desk, [pipeline]);
    expect(whyNotAgain(desk, putBack(edge, '', wanted, { root: 'edges' }))).toMatch(/two nodes/);
  });
});

describe('what is locked', () => {
  it('is left alone by every command, while the rest of a selection is done', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', AT);
    const note = addNode(desk, 'note', AT);
    const pipeline = addNode(desk, 'pipeline', AT);
    const before = desk.record(shot);
    desk.locked.add(shot);
    setField(desk, shot, 'title', 'Other');
    expect(connect(desk, pipeline, 'pipeline', shot, 'pipeline')).toBeNull();
    deleteNodes(desk, [shot, note]);
    expect(desk.record(shot)).toEqual(before);
    expect(desk.node(note)).toBeUndefined();
  });
});
