import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { connectionOf, type ForkState } from '../project/fork-source';
import { ForkRecords } from '../project/forks';
import { whyNot, type Standing } from '../project/permissions';
import { Presence } from '../project/presence';
import { Awareness } from 'y-protocols/awareness';
import type { Connection } from '../project/types';
import { ACTIONS, type Action } from '../schema/generated';
import {
  aheadWords,
  differenceWords,
  goneWords,
  mergedWords,
  nameFrom,
  noticeWords,
  readForkNotice,
  whyNotName
} from './words';

const record = (deleted: boolean) => ({ by: 'u1', by_name: 'Ana', at: '', commit: '', deleted });

describe('the name of a fork', () => {
  it('may be typed with spaces', () => {
    expect(nameFrom('  night  version ')).toBe('night-version');
  });

  it.each([
    ['night-version', ''],
    ['', ''],
    ['dämmerung', '“ä” cannot stand in a name.'],
    ['a/b', '“/” cannot stand in a name.'],
    ['x'.repeat(65), 'That is 65 characters; a name has at most 64.'],
    ['dusk', 'There is a fork of that name already.'],
    ['dawn', 'There was a fork of that name, and a name is never given twice.']
  ])('%s: %s', (name, reason) => {
    const told = whyNotName(name, new Set(['dusk', 'dawn']), ['dusk']);
    if (reason) expect(told).toContain(reason);
    else expect(told).toBe('');
  });
});

describe('the forks of a project', () => {
  it('are those that nobody threw away, and a name stays used', () => {
    const production = new Y.Doc();
    const forks = new ForkRecords(production);
    const map = production.getMap('forks');
    expect(forks.isGone('dusk')).toBe(false);
    map.set('dusk', record(false));
    map.set('dawn', record(false));
    expect(forks.names).toEqual(['dawn', 'dusk']);
    map.set('dusk', record(true));
    expect(forks.names).toEqual(['dawn']);
    expect(forks.isGone('dusk')).toBe(true);
    expect([...forks.used].sort()).toEqual(['dawn', 'dusk']);
  });

  it('are read whatever somebody wrote there', () => {
    const production = new Y.Doc();
    const map = production.getMap('forks');
    map.set('odd', 7);
    map.set('shared', new Y.Map([['deleted', true]]));
    map.set('nothing', null);
    expect(new ForkRecords(production).names).toEqual(['nothing', 'odd']);
  });
});

describe('the badge in a fork', () => {
  const own: ForkState = { loaded: true, unsaved: 0, isKept: true, problem: '' };
  const canvas = (kind: Connection['kind'], message = 'Of the canvas.'): Connection => ({
    kind,
    unsynced: 4,
    message
  });

  it('says what of the fork is saved, whatever waits on the canvas', () => {
    expect(connectionOf(canvas('saving'), own)).toMatchObject({ kind: 'saved', unsynced: 0 });
    expect(connectionOf(canvas('saved'), { ...own, unsaved: 2 })).toMatchObject({
      kind: 'saving',
      unsynced: 2
    });
  });

  it('says that the fork is on its way, or was never here', () => {
    expect(connectionOf(canvas('saved'), { ...own, loaded: false }).message).toBe('Fetching the fork.');
    expect(connectionOf(canvas('offline'), { ...own, loaded: false }).message).toMatch(
      /never opened in this browser/
    );
  });

  it('says where edits are while the server is away', () => {
    expect(connectionOf(canvas('offline'), own).message).toBe('Of the canvas.');
    expect(connectionOf(canvas('offline'), { ...own, unsaved: 1 }).message).toMatch(/kept in this browser/);
    expect(connectionOf(canvas('offline'), { ...own, unsaved: 1, isKept: false }).message).toMatch(
      /only while this page stays open/
    );
  });

  it('says why the fork is closed, and first of all why the project is', () => {
    const gone = { ...own, problem: 'Ana has deleted this fork.' };
    expect(connectionOf(canvas('saved'), gone)).toMatchObject({ kind: 'refused', message: gone.problem });
    expect(connectionOf(canvas('failed'), gone).message).toBe('Of the canvas.');
    expect(connectionOf(canvas('readonly'), own).kind).toBe('readonly');
  });
});

describe('in a fork', () => {
  const standing: Standing = {
    me: { id: 'bo' },
    role: 'owner',
    connection: { kind: 'saved', message: '' },
    fork: 'dusk',
    takesEdits: true,
    locks: { shot: () => undefined, style: () => undefined, isStyled: () => false, contract: undefined },
    node: () => undefined,
    edgesOf: () => []
  };

  it('nobody generates, stops or locks, and each is told where that is done', () => {
    const stopped = (Object.keys(ACTIONS) as Action[]).filter((action) => whyNot(standing, action) !== '');
    expect(stopped.sort()).toEqual(['cancel', 'generate', 'lock', 'unlock']);
    for (const action of stopped) expect(whyNot(standing, action)).toMatch(/canvas/);
    expect(whyNot({ ...standing, fork: '' }, 'generate')).toBe('');
  });

  it('a person is seen where they are, and nowhere else', () => {
    const awareness = new Awareness(new Y.Doc());
    const presence = new Presence(awareness, { id: 'bo', name: 'Bo', hue: 1 });
    expect(presence.people.map(({ user }) => user.name)).toEqual(['Bo']);
    presence.setSelection(['s1']);
    presence.leave();
    expect(presence.people).toEqual([]);
    presence.setSelection(['s2']);
    expect(awareness.getLocalState()).toBeNull();
    presence.come();
    expect(presence.people[0]?.selection).toEqual([]);
    awareness.destroy();
  });
});

describe('what is said of a fork', () => {
  const change = (title: string, kind: 'added' | 'changed') => ({
    document: 'canvas',
    root: 'nodes',
    id: title,
    title,
    type: 'shot',
    change: kind,
    fields: []
  });

  it('is how far it is ahead, and what a merge changes', () => {
    expect([aheadWords(0), aheadWords(1), aheadWords(3)]).toEqual([
      'Nothing to merge',
      '1 change',
      '3 changes'
    ]);
    expect(differenceWords([])).toBe('');
    expect(differenceWords([change('A', 'changed'), change('B', 'added')])).toBe('1 changed, 1 added');
    expect(differenceWords([change('A', 'changed')], 9)).toBe('1 changed, and 9 more');
  });

  it('is what is lost with it', () => {
    expect(goneWords(0)).toMatch(/^There is nothing in it that could still be merged\./);
    expect(goneWords(1)).toMatch(/^1 change that is not on the canvas goes with it\./);
    expect(goneWords(2)).toMatch(/^2 changes that are not on the canvas go with it\./);
    expect(goneWords(undefined)).toMatch(/cannot be undone/);
  });

  it('is what became of a merge', () => {
    const refused = { rule: 'shot_lock', title: 'A', message: 'Locked', lift: '' };
    expect(mergedWords('dusk', { merged: 2, refused: [], before: '' }).title).toBe(
      'You merged “dusk” into the canvas'
    );
    expect(mergedWords('dusk', { merged: 1, refused: [refused], before: '' }).detail).toContain(
      '1 change was refused.'
    );
    expect(mergedWords('dusk', { merged: 0, refused: [refused], before: '' }).detail).toBe(
      'All of it was refused.'
    );
  });

  it('is what the server tells the others, and nothing else is taken for it', () => {
    const merged = { type: 'merged', id: 'n1', by: { id: 'u1', name: 'Ana' }, fork: 'dusk', records: 2 };
    const notice = readForkNotice(JSON.stringify(merged));
    expect(notice && noticeWords(notice).title).toBe('Ana merged the fork “dusk” into the canvas');
    const gone = readForkNotice(JSON.stringify({ ...merged, type: 'fork_deleted' }));
    expect(gone && noticeWords(gone).title).toBe('Ana threw the fork “dusk” away');
    expect(gone && noticeWords(gone, true).detail).toBe('You are back on the canvas.');
    for (const payload of ['', '7', '{"type":"restored","id":"n"}', '{"type":"merged","id":1,"fork":"x"}'])
      expect(readForkNotice(payload)).toBeUndefined();
  });
});
