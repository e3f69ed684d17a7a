import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { dropAside, namesAside, OfflineCopy, readAside, setAside } from './offline';

async function visit(name: string): Promise<{ doc: Y.Doc; copy: OfflineCopy }> {
  const doc = new Y.Doc();
  const copy = await OfflineCopy.open(name, doc);
  if (!copy) throw new Error('no storage');
  return { doc, copy };
}

describe('the local copy', () => {
  it('brings back the document and how many of its edits the server never confirmed', async () => {
    const first = await visit('reload');
    first.doc.getMap('nodes').set('a', 1);
    await first.copy.note(2, 0);
    await first.copy.close();

    const second = await visit('reload');
    expect(second.doc.getMap('nodes').get('a')).toBe(1);
    expect(await second.copy.unsyncedBefore()).toBe(2);
    await second.copy.note(1, 2);
    await second.copy.close();

    const third = await visit('reload');
    expect(await third.copy.unsyncedBefore()).toBe(3);
    await third.copy.note(0, 0);
    await third.copy.close();
    expect(await (await visit('reload')).copy.unsyncedBefore()).toBe(0);
  });

  it('is kept under another name when it is set aside, until it is dropped', async () => {
    const first = await visit('restored');
    first.doc.getMap('nodes').set('mine', 1);
    await setAside('restored', first.doc, 'epoch1');
    await first.copy.clear();
    const second = await visit('restored');
    expect(second.doc.getMap('nodes').size).toBe(0);
    expect(await namesAside('restored')).toEqual(['restored/aside/epoch1']);
    expect(await namesAside('rest')).toEqual([]);
    expect((await readAside('restored/aside/epoch1')).getMap('nodes').get('mine')).toBe(1);
    await dropAside('restored/aside/epoch1');
    expect(await namesAside('restored')).toEqual([]);
    expect((await readAside('restored/aside/epoch1')).getMap('nodes').size).toBe(0);
  });

  it('that was set aside twice under one epoch holds what both pages had', async () => {
    const [left, right] = [new Y.Doc(), new Y.Doc()];
    left.getMap('nodes').set('left', 1);
    right.getMap('nodes').set('right', 1);
    await setAside('tabs', left, 'e');
    await setAside('tabs', right, 'e');
    expect((await readAside('tabs/aside/e')).getMap('nodes').toJSON()).toEqual({ left: 1, right: 1 });
  });

  it('outlives the page only where there is storage, but is never lost on the way', async () => {
    const { indexedDB } = globalThis;
    const doc = new Y.Doc();
    doc.getMap('nodes').set('mine', 1);
    try {
      Object.assign(globalThis, { indexedDB: undefined });
      await setAside('private', doc, 'e');
      expect(await namesAside('private')).toEqual(['private/aside/e']);
      expect((await readAside('private/aside/e')).getMap('nodes').get('mine')).toBe(1);
      await dropAside('private/aside/e');
      expect(await namesAside('private')).toEqual([]);
    } finally {
      Object.assign(globalThis, { indexedDB });
    }
  });
});
