import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Results } from './results';

function job(doc: Y.Doc, id: string): Y.Map<unknown> {
  const fields = new Map(Object.entries({ node: id, status: 'queued', asked_at: '2026-11-20T20:00:00Z' }));
  return doc.getMap<Y.Map<unknown>>('jobs').set(id, new Y.Map(fields));
}

describe('the jobs of a project', () => {
  it('are the same to those who show them until they change themselves', () => {
    const takes = new Y.Doc();
    const results = new Results('p', new Y.Doc(), takes);
    const [moves, stays] = [job(takes, 'moves'), job(takes, 'stays')];
    const before = results.jobOf('stays');
    moves.set('status', 'running');
    expect(results.jobOf('moves')?.status).toBe('running');
    expect(results.jobOf('stays')).toBe(before);
    stays.set('status', 'running');
    expect(results.jobOf('stays')?.status).toBe('running');
    results.destroy();
  });

  it('are others when one is put in the place of another', () => {
    const takes = new Y.Doc();
    const results = new Results('p', new Y.Doc(), takes);
    job(takes, 'a').set('status', 'running');
    expect(results.jobOf('a')?.status).toBe('running');
    job(takes, 'a');
    expect(results.jobOf('a')?.status).toBe('queued');
    takes.getMap('jobs').delete('a');
    expect(results.jobOf('a')).toBeUndefined();
    results.destroy();
  });
});
