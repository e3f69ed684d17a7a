import { beforeEach, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { NODE_SPECS } from '../schema/generated';
import {
  addNode,
  cancelJob,
  chooseTake,
  connect,
  copyNodes,
  deleteEdges,
  deleteNodes,
  duplicateNodes,
  generate,
  moveNodes,
  pasteNodes,
  setField,
  setParameter,
  starTake
} from './commands';
import { LOCAL } from './history';
import { Desk, exchange } from './testing';

const ORIGIN = { x: 0, y: 0 };
let ana: Desk;
let bo: Desk;

beforeEach(() => {
  ana = new Desk();
  bo = new Desk();
});

describe('a new node', () => {
  it('has the defaults of its type, with texts and maps as shared types', () => {
    const id = addNode(ana, 'shot', { x: 10.4, y: -3.6 });
    expect(ana.node(id)).toMatchObject({ ...NODE_SPECS.shot.defaults, title: 'Shot 1', type: 'shot', id });
    expect(ana.record(id).position).toEqual({ x: 10, y: -4 });
    expect(ana.text(id, 'prompt')).toBeInstanceOf(Y.Text);
    const record = ana.canvas.getMap('nodes').get(id) as Y.Map<unknown>;
    expect(record.get('parameters')).toBeInstanceOf(Y.Map);
  });

  it('gets the next free shot number of its scene', () => {
    addNode(ana, 'shot', ORIGIN);
    addNode(ana, 'shot', ORIGIN, { scene: 2 });
    const third = addNode(ana, 'shot', ORIGIN);
    expect(ana.node(third)).toMatchObject({ scene: 1, shot: 2, title: 'Shot 2' });
  });

  it('stands at a sane place whatever is asked for', () => {
    const id = addNode(ana, 'note', { x: NaN, y: Infinity });
    expect(ana.record(id).position).toEqual(ORIGIN);
  });

  it('is not made by somebody who may only read', () => {
    ana.canWrite = false;
    addNode(ana, 'shot', ORIGIN);
    expect(ana.nodes).toEqual([]);
    expect(ana.canvas.getMap('nodes').size).toBe(0);
  });
});

describe('two people at once', () => {
  let shot: string;

  beforeEach(() => {
    shot = addNode(ana, 'shot', ORIGIN);
    exchange(ana, bo);
  });

  function expectTheSame() {
    exchange(ana, bo);
    expect(bo.canvas.toJSON()).toEqual(ana.canvas.toJSON());
    expect(bo.nodes).toEqual(ana.nodes);
  }

  it('keep both their edits of different fields of one node', () => {
    setField(ana, shot, 'title', 'The door');
    moveNodes(bo, { [shot]: { x: 300, y: 40 } });
    setParameter(bo, shot, 'lens_mm', 85);
    setParameter(ana, shot, 'lighting', 'neon-night');
    expectTheSame();
    expect(ana.node(shot)).toMatchObject({
      title: 'The door',
      position: { x: 300, y: 40 },
      parameters: { lens_mm: 85, lighting: 'neon-night' }
    });
  });

  it('type into one prompt, which merges per character', () => {
    ana.text(shot, 'prompt').insert(0, 'rain on glass');
    exchange(ana, bo);
    ana.text(shot, 'prompt').insert(0, 'cold ');
    bo.text(shot, 'prompt').insert('rain on glass'.length, ', neon');
    expectTheSame();
    expect(ana.text(shot, 'prompt').toString()).toBe('cold rain on glass, neon');
  });

  it('leave no dangling edge when one deletes what the other joins', () => {
    const pipeline = addNode(ana, 'pipeline', ORIGIN);
    exchange(ana, bo);
    deleteNodes(ana, [shot]);
    expect(connect(bo, pipeline, 'pipeline', shot, 'pipeline')).not.toBeNull();
    expectTheSame();
    expect(ana.edges).toEqual([]);
    expect(bo.edges).toEqual([]);
    expect(ana.nodes.map((node) => node.id)).toEqual([pipeline]);
  });

  it('undo only what they did themselves', () => {
    setField(ana, shot, 'title', 'Ana was here');
    exchange(ana, bo);
    setField(bo, shot, 'seed', 7);
    exchange(ana, bo);
    ana.history.undo();
    expectTheSame();
    expect(bo.node(shot)).toMatchObject({ title: 'Shot 1', seed: 7 });
    expect(bo.history.canUndo).toBe(true);
    bo.history.undo();
    expectTheSame();
    expect(ana.node(shot)).toMatchObject({ seed: 1 });
    expect(bo.history.canUndo).toBe(false);
  });

  it('do not lose what was typed into a node whose addition is undone and redone', () => {
    bo.text(shot, 'prompt').insert(0, 'from Bo');
    ana.history.undo();
    expectTheSame();
    expect(bo.nodes).toEqual([]);
    ana.history.redo();
    expectTheSame();
    expect(ana.node(shot)).toMatchObject({ prompt: 'from Bo' });
  });

  it('do not have another person’s newer value taken back: the undo goes to the step before', () => {
    setField(ana, shot, 'seed', 5);
    setField(ana, shot, 'title', 'first');
    exchange(ana, bo);
    setField(bo, shot, 'title', 'second');
    exchange(ana, bo);
    ana.history.undo();
    expectTheSame();
    expect(ana.node(shot)).toMatchObject({ title: 'second', seed: 1 });
  });
});

describe('edges', () => {
  let shot: string;
  let pipeline: string;
  let style: string;

  beforeEach(() => {
    shot = addNode(ana, 'shot', ORIGIN);
    pipeline = addNode(ana, 'pipeline', ORIGIN);
    style = addNode(ana, 'style', ORIGIN);
  });

  it('join only what fits, and nothing twice', () => {
    expect(connect(ana, style, 'style', shot, 'pipeline')).toBeNull();
    expect(connect(ana, shot, 'output', shot, 'prompt')).toBeNull();
    expect(connect(ana, style, 'style', 'gone', 'style')).toBeNull();
    expect(connect(ana, style, 'style', shot, 'style')).not.toBeNull();
    expect(connect(ana, style, 'style', shot, 'style')).toBeNull();
    expect(ana.edges).toHaveLength(1);
  });

  it('replace the one that is there when the input takes only one', () => {
    const other = addNode(ana, 'pipeline', ORIGIN);
    connect(ana, pipeline, 'pipeline', shot, 'pipeline');
    connect(ana, other, 'pipeline', shot, 'pipeline');
    expect(ana.edges.map((edge) => edge.source)).toEqual([other]);
  });

  it('stand side by side where the input takes many', () => {
    for (let i = 0; i < 2; i++) connect(ana, addNode(ana, 'prompt', ORIGIN), 'text', shot, 'prompt');
    expect(ana.edges).toHaveLength(2);
  });

  it('go with their node, and come back with it as one step', () => {
    connect(ana, pipeline, 'pipeline', shot, 'pipeline');
    connect(ana, style, 'style', shot, 'style');
    deleteNodes(ana, [shot]);
    expect(ana.edges).toEqual([]);
    ana.history.undo();
    expect(ana.edges).toHaveLength(2);
    expect(ana.node(shot)).toBeDefined();
  });

  it('that were selected with nodes go with them as one step', () => {
    const kept = connect(ana, pipeline, 'pipeline', shot, 'pipeline') as string;
    const note = addNode(ana, 'note', ORIGIN);
    deleteNodes(ana, [note], [kept]);
    expect([ana.edges.length, ana.node(note)]).toEqual([0, undefined]);
    ana.history.undo();
    expect(ana.edges.map((edge) => edge.id)).toEqual([kept]);
    expect(ana.node(note)).toBeDefined();
  });

  it('can be deleted alone', () => {
    const id = connect(ana, pipeline, 'pipeline', shot, 'pipeline') as string;
    deleteEdges(ana, [id]);
    expect(ana.edges).toEqual([]);
    expect(ana.node(shot)).toBeDefined();
  });
});

describe('takes and intents', () => {
  it('choosing and starring a take are written to the shot', () => {
    const shot = addNode(ana, 'shot', ORIGIN);
    chooseTake(ana, shot, 'take-1');
    starTake(ana, shot, 'take-1', true);
    starTake(ana, shot, 'take-2', true);
    starTake(ana, shot, 'take-2', false);
    expect(ana.node(shot)).toMatchObject({ active_take: 'take-1', stars: { 'take-1': true } });
  });

  it('asking is written once and is no step of undo', () => {
    const shot = addNode(ana, 'shot', ORIGIN);
    const job = generate(ana, shot);
    cancelJob(ana, job);
    const asked = ana.canvas.getMap('intents').toJSON();
    expect(Object.values(asked)).toEqual([
      { kind: 'generate', node: shot },
      { kind: 'cancel', job }
    ]);
    ana.history.undo();
    expect(ana.canvas.getMap('intents').toJSON()).toEqual(asked);
    expect(ana.node(shot)).toBeUndefined();
  });
});

describe('the clipboard', () => {
  function scene() {
    const shot = addNode(ana, 'shot', { x: 400, y: 100 });
    const style = addNode(ana, 'style', { x: 0, y: 100 });
    const pipeline = addNode(ana, 'pipeline', { x: 0, y: 0 });
    connect(ana, style, 'style', shot, 'style');
    connect(ana, pipeline, 'pipeline', shot, 'pipeline');
    ana.canvas.transact(() => ana.text(shot, 'prompt').insert(0, 'rain'), LOCAL);
    chooseTake(ana, shot, 'take-1');
    return { shot, style, pipeline };
  }

  it('carries nodes into another project with new ids and the links among them', () => {
    const { shot, style } = scene();
    const pasted = pasteNodes(bo, copyNodes(ana, [shot, style]), { x: 1000, y: 1000 });
    expect(pasted).toHaveLength(2);
    expect(pasted).not.toContain(shot);
    const [newShot, newStyle] = pasted as [string, string];
    expect(bo.node(newShot)).toMatchObject({
      prompt: 'rain',
      position: { x: 1400, y: 1000 },
      active_take: ''
    });
    expect(bo.node(newStyle)).toMatchObject({ position: { x: 1000, y: 1000 } });
    expect(bo.edges).toMatchObject([{ source: newStyle, target: newShot }]);
  });

  it('duplicates keep the links to what they were joined to, and get numbers of their own', () => {
    const { shot, style, pipeline } = scene();
    const [copy] = duplicateNodes(ana, [shot]) as [string];
    const sources = ana.edges.filter((edge) => edge.target === copy).map((edge) => edge.source);
    expect(sources.sort()).toEqual([style, pipeline].sort());
    expect(ana.node(copy)).toMatchObject({ shot: 2, stars: {} });
    ana.history.undo();
    expect(ana.node(copy)).toBeUndefined();
    expect(ana.edges).toHaveLength(2);
  });

  it('are named after their own number while nobody has named the original', () => {
    const desk = new Desk();
    const plain = addNode(desk, 'shot', { x: 0, y: 0 });
    const named = addNode(desk, 'shot', { x: 0, y: 0 }, { title: 'The door' });
    const titles = duplicateNodes(desk, [plain, named]).map((id) => desk.node(id)?.title);
    expect(titles).toEqual(['Shot 3', 'The door']);
  });

  it('numbers several pasted shots one after another', () => {
    const { shot } = scene();
    const second = addNode(ana, 'shot', ORIGIN);
    const copies = duplicateNodes(ana, [shot, second]);
    expect(copies.map((id) => ana.record(id).shot)).toEqual([3, 4]);
  });

  it.each([
    '',
    'just words',
    '{"format":"other"}',
    '{"format":"workprint.nodes.1","nodes":[{"type":"virus"}],"edges":[]}'
  ])('ignores %j', (text) => {
    expect(pasteNodes(ana, text, ORIGIN)).toEqual([]);
    expect(ana.nodes).toEqual([]);
  });

  it('takes no field that the type does not have', () => {
    const { style } = scene();
    const text = copyNodes(ana, [style]).replace('"title"', '"deleted":true,"evil":1,"title"');
    const [id] = pasteNodes(bo, text, ORIGIN) as [string];
    expect(bo.record(id)).not.toHaveProperty('evil');
    expect(bo.node(id)).toBeDefined();
  });
});
