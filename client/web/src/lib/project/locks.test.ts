import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Locks } from './locks';

const LOCK = {
  kind: 'shot',
  target: 'rooftop',
  by: 'u1',
  by_name: 'Ana',
  at: '2026-01-02T00:00:00Z',
  reason: 'final'
};

describe('locks', () => {
  it('come and go with the document', () => {
    const doc = new Y.Doc();
    const locks = new Locks(doc);
    expect(locks.shot('rooftop')).toBeUndefined();
    doc.getMap('locks').set('shot:rooftop', LOCK);
    expect(locks.shot('rooftop')).toEqual({
      kind: 'shot',
      target: 'rooftop',
      by: 'u1',
      byName: 'Ana',
      at: '2026-01-02T00:00:00Z',
      reason: 'final'
    });
    expect(locks.node('rooftop')).toBe(locks.shot('rooftop'));
    expect(locks.style('rooftop')).toBeUndefined();
    doc.getMap('locks').delete('shot:rooftop');
    expect(locks.shot('rooftop')).toBeUndefined();
  });

  it('are found by what they lock', () => {
    const doc = new Y.Doc();
    const map = doc.getMap('locks');
    map.set('style:noir', { ...LOCK, kind: 'style', target: 'noir', at: '2026-01-01T00:00:00Z' });
    map.set('picture:reel', { ...LOCK, kind: 'picture', target: 'reel' });
    map.set('contract', { ...LOCK, kind: 'contract', target: '', at: '2026-01-03T00:00:00Z' });
    const locks = new Locks(doc);
    expect(locks.style('noir')?.byName).toBe('Ana');
    expect(locks.picture('reel')?.kind).toBe('picture');
    expect(locks.contract?.target).toBe('');
    expect(locks.list.map((lock) => lock.kind)).toEqual(['style', 'picture', 'contract']);
  });

  it('lock nothing where they cannot be read', () => {
    const doc = new Y.Doc();
    const map = doc.getMap<unknown>('locks');
    for (const [key, value] of Object.entries({ a: null, b: 7, c: 'shot', d: { kind: 'door' }, e: [] }))
      map.set(key, value);
    map.set('shot:x', { kind: 'shot', target: 'x' });
    const locks = new Locks(doc);
    expect(locks.list).toHaveLength(1);
    expect(locks.shot('x')?.byName).toBe('somebody');
  });

  it('keep the look of shots whose chain has a master style', () => {
    const doc = new Y.Doc();
    const chain = (style: string, deleted: boolean) =>
      new Y.Map<unknown>(Object.entries({ master_style_context: style, deleted }));
    const segment = (of: string, shot: string) => new Y.Map<unknown>(Object.entries({ chain: of, shot }));
    doc.getMap('chains').set('noir', chain('wet neon', false));
    doc.getMap('chains').set('plain', chain('', false));
    doc.getMap('chains').set('gone', chain('wet neon', true));
    const locks = new Locks(doc);
    doc.getMap('segments').set('s1', segment('noir', 'a'));
    doc.getMap('segments').set('s2', segment('plain', 'b'));
    doc.getMap('segments').set('s3', segment('gone', 'c'));
    expect(['a', 'b', 'c'].map((shot) => locks.isStyled(shot))).toEqual([true, false, false]);
    (doc.getMap('chains').get('plain') as Y.Map<unknown>).set('master_style_context', 'dust');
    expect(locks.isStyled('b')).toBe(true);
  });
});
