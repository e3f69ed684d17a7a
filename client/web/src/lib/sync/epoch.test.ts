import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { isFromAnotherEpoch, isOtherEpoch } from './epoch';

function born(epoch: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getMap('meta').set('epoch', epoch);
  doc.getMap('nodes').set(`node of ${epoch}`, 1);
  return doc;
}

function answerTo(asking: Y.Doc, server: Y.Doc): Uint8Array {
  return Y.encodeStateAsUpdate(server, Y.encodeStateVector(asking));
}

describe('epochs', () => {
  it('a new browser takes whatever the server has', () => {
    const empty = new Y.Doc();
    expect(isFromAnotherEpoch(empty, answerTo(empty, born('one')))).toBe(false);
  });

  it('a copy of the same epoch goes on, whatever was changed since', () => {
    const server = born('one');
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(server));
    server.getMap('nodes').set('later', 2);
    copy.getMap('nodes').set('offline', 3);
    expect(isFromAnotherEpoch(copy, answerTo(copy, server))).toBe(false);
  });

  it('a copy of another epoch is recognised before anything is merged', () => {
    const copy = born('one');
    const before = copy.toJSON();
    expect(isFromAnotherEpoch(copy, answerTo(copy, born('two')))).toBe(true);
    expect(copy.toJSON()).toEqual(before);
  });

  it('a refusal for that reason is told from every other one by the close code before its words', () => {
    expect(isOtherEpoch('4409 This document was begun anew here.')).toBe(true);
    expect(isOtherEpoch('You have no access.')).toBe(false);
    expect(isOtherEpoch('44090 is a number')).toBe(false);
  });
});
