import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { OfflineCopy } from './offline';

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

  it('is kept under another name when it is set aside', async () => {
    const first = await visit('restored');
    first.doc.getMap('nodes').set('mine', 1);
    await first.copy.setAside(first.doc, 'epoch1');
    expect((await visit('restored')).doc.getMap('nodes').size).toBe(0);
    expect((await visit('restored/aside/epoch1')).doc.getMap('nodes').get('mine')).toBe(1);
  });
});
