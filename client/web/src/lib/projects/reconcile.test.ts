import { expect, test } from 'vitest';
import { findingsOf, type TakeFile } from './reconcile';

const file = (name: string): TakeFile => ({ id: null, name, chapter: 1, scene: 1, shot: 1, take: 1 });

test('nothing is reported when every take has its file', () => {
  expect(findingsOf({ restored: [], vanished: [], unknown: [], damaged: [] })).toEqual([]);
});

test('what is back comes first, what is lost says who can help, what nobody knows stays', () => {
  const found = findingsOf({
    restored: [file('a.png')],
    vanished: [file('b.png'), file('c.png')],
    unknown: [file('x.png')],
    damaged: []
  });
  expect(found.map(({ kind, tone, title }) => [kind, tone, title])).toEqual([
    ['restored', 'done', '1 file was gone from its folder and is back'],
    ['vanished', 'failed', '2 files of takes are gone, and so are their bytes'],
    ['unknown', 'running', '1 file belongs to no take']
  ]);
  expect(found[0]?.advice).toBe('');
  expect(found[1]?.advice).toContain('backup');
  expect(found[1]?.files.map(({ name }) => name)).toEqual(['b.png', 'c.png']);
});
