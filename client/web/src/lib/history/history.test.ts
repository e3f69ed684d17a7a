import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Graph } from '../project/graph';
import { Results } from '../project/results';
import { fieldsToShow, runsOf, summaryOf, type Difference, type RecordDifference } from './diff';
import { DocumentsOf } from './documents';
import { PastSource } from './past';
import { clausesOf, consequence, messageWords, peopleWords, restoreVerb, whenWords } from './words';

const shot = (prompt: string, more: Record<string, unknown> = {}) => ({
  type: 'shot',
  title: 'Rooftop',
  chapter: 1,
  scene: 1,
  shot: 1,
  position: { x: 10, y: 20 },
  seed: 1,
  seed_mode: 'random',
  active_take: '',
  prompt,
  negative_prompt: '',
  parameters: { lens_mm: 35 },
  stars: {},
  ...more
});

const canvas = (nodes: Record<string, unknown>, edges: Record<string, unknown> = {}) => ({
  canvas: { schema: 'workprint.canvas.1', nodes, edges }
});

describe('an earlier version', () => {
  it('is read like a canvas that is open', () => {
    const past = new PastSource();
    const edge = { source: 'p', source_socket: 'pipeline', target: 's', target_socket: 'pipeline' };
    const pipeline = { type: 'pipeline', title: 'Flow', pipeline: 'flow', position: { x: 0, y: 0 } };
    past.show(canvas({ s: shot('Rain.'), p: pipeline }, { e: edge }), 'past');
    const graph = new Graph(past.canvas);
    expect(graph.node('s')).toMatchObject({ title: 'Rooftop', prompt: 'Rain.', parameters: { lens_mm: 35 } });
    expect(graph.edges).toEqual([{ ...edge, id: 'e' }]);
    void past.close();
  });

  it('gives way to another one, of which nothing of the first is left', () => {
    const past = new PastSource();
    past.show(
      canvas({ s: shot('Rain.'), n: { type: 'note', title: 'Note', text: 'Hm', position: {} } }),
      'a'
    );
    const graph = new Graph(past.canvas);
    past.show(canvas({ s: shot('Snow.', { parameters: { angle: 'low' }, stars: { t: true } }) }), 'b');
    expect(graph.nodes.map(({ id }) => id)).toEqual(['s']);
    expect(graph.node('s')).toMatchObject({
      prompt: 'Snow.',
      parameters: { angle: 'low' },
      stars: { t: true }
    });
    expect(past.past).toBe('b');
    void past.close();
  });

  it('keeps the very text of what is equal or alike, so that editors on screen stay', () => {
    const past = new PastSource();
    past.show(canvas({ s: shot('Rain.') }), 'a');
    const text = () => (past.canvas.getMap('nodes').get('s') as Y.Map<unknown>).get('prompt');
    const before = text();
    past.show(canvas({ s: shot('Rain on the roof.') }), 'b');
    expect(text()).toBe(before);
    expect(String(text())).toBe('Rain on the roof.');
    void past.close();
  });

  it('has the takes and jobs that there were', () => {
    const past = new PastSource();
    const take = { node: 's', number: 1, name: 'S01_S01_take01', media: { blob: 'a' }, created_at: '2026' };
    const job = { node: 's', status: 'completed', asked_at: '2026' };
    past.show({ takes: { takes: { t: take }, jobs: { j: job } } }, 'a');
    const results = new Results('p', past.canvas, past.takes);
    expect(results.takesOf('s').map(({ id }) => id)).toEqual(['t']);
    expect(results.jobOf('s')?.status).toBe('completed');
    past.show({ takes: { takes: {}, jobs: {} } }, 'b');
    expect(results.takesOf('s')).toEqual([]);
    expect(results.jobOf('s')).toBeUndefined();
    results.destroy();
    void past.close();
  });

  it('survives a file that somebody broke', () => {
    const past = new PastSource();
    past.show({ canvas: [1], takes: 'no', production: null }, 'a');
    past.show(canvas({ x: 3, y: { type: 'nothing we know' }, s: { type: 'shot' } }), 'b');
    expect(new Graph(past.canvas).nodes.map(({ id }) => id)).toEqual(['s']);
    void past.close();
  });
});

describe('documents of versions', () => {
  it('are asked for once, and again after a failure', async () => {
    const asked: string[] = [];
    let fails = true;
    const documents = new DocumentsOf((commit) => {
      asked.push(commit);
      return fails ? Promise.reject(new Error('away')) : Promise.resolve({ canvas: commit });
    });
    await expect(documents.get('a')).rejects.toThrow('away');
    fails = false;
    await documents.get('a');
    await documents.get('a');
    expect(asked).toEqual(['a', 'a']);
  });
});

describe('a difference', () => {
  const record = (more: Partial<RecordDifference>): RecordDifference => ({
    document: 'canvas',
    root: 'nodes',
    id: 's',
    title: 'Rooftop',
    type: 'shot',
    change: 'changed',
    fields: [],
    ...more
  });
  const takes: Difference['takes'] = { added: [], removed: [], active: [] };

  it('is summed up in a line', () => {
    const records = [record({}), record({ change: 'added' }), record({ type: 'edge', change: 'added' })];
    expect(summaryOf({ records, left_out: 0, takes })).toBe('1 changed, 1 added, 1 link');
    expect(summaryOf({ records: [], left_out: 0, takes })).toBe('');
  });

  it('tells every field of what changed, and only the words of what came', () => {
    const fields = [
      { name: 'prompt', from: null, to: 'Rain.' },
      { name: 'negative_prompt', from: null, to: '' },
      { name: 'seed', from: null, to: 4 }
    ];
    expect(fieldsToShow(record({ fields })).map(({ name }) => name)).toEqual([
      'prompt',
      'negative_prompt',
      'seed'
    ]);
    expect(fieldsToShow(record({ fields, change: 'added' })).map(({ name }) => name)).toEqual(['prompt']);
  });

  it('shows a text that came as a whole as written, and a number as no text', () => {
    expect(runsOf({ name: 'prompt', from: null, to: 'Rain.' }, ['prompt'])).toEqual([['+', 'Rain.']]);
    expect(runsOf({ name: 'seed', from: 1, to: 2 }, ['prompt'])).toBeUndefined();
  });
});

describe('a version in words', () => {
  const now = new Date('2026-03-04T18:00:00');
  const version = {
    id: 'a',
    commit: 'a',
    message: 'For the director: Shot 1.1.1 Rooftop: prompt edited; 2 nodes moved',
    author: 'Ana',
    people: ['Ana'],
    at: new Date('2026-03-04T14:05:00').toISOString(),
    names: ['For the director'],
    takes: []
  };
  const unnamed = { ...version, names: [] };

  it('is called by its time, and by its day where that is not today', () => {
    expect(whenWords(version.at, now)).toBe('14:05');
    expect(whenWords(version.at, new Date('2026-03-05T09:00:00'))).toBe('yesterday, 14:05');
    expect(whenWords(version.at, new Date('2026-05-05T09:00:00'))).toBe('4 Mar, 14:05');
  });

  it('does not say its name twice', () => {
    expect(messageWords(version)).toBe('Shot 1.1.1 Rooftop: prompt edited; 2 nodes moved');
    expect(clausesOf(version)).toEqual(['Shot 1.1.1 Rooftop: prompt edited', '2 nodes moved']);
  });

  it('names its people without a list that never ends', () => {
    expect(peopleWords(['Ana'])).toBe('Ana');
    expect(peopleWords(['Ana', 'Bo'])).toBe('Ana and Bo');
    expect(peopleWords(['Ana', 'Bo', 'Cy'])).toBe('Ana, Bo and Cy');
    expect(peopleWords(['Ana', 'Bo', 'Cy', 'Di'])).toBe('Ana, Bo and 2 more');
  });

  it('says before it is restored what will be so', () => {
    const record = { id: 's', root: 'nodes', title: 'Rooftop', type: 'shot', change: 'changed' as const };
    const field = { name: 'prompt', before: 'Rain.' };
    const asked = { version: unnamed, document: 'canvas', record, field };
    expect(consequence(asked, now)).toContain(
      'The prompt of “Rooftop” becomes what it was in the version of 14:05.'
    );
    expect(restoreVerb(asked)).toBe('Put back the prompt');
    const added = { version, document: 'canvas', record: { ...record, change: 'added' as const } };
    expect(consequence(added, now)).toContain('“Rooftop” was not there in “For the director”: it goes.');
    expect(consequence({ version, document: 'canvas' }, now)).toContain('Takes stay, all of them.');
  });
});
