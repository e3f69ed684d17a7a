import { expect, it } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { onTold, toldVersion } from './told';

it('only the server says that something has changed', () => {
  const awareness = new Awareness(new Y.Doc());
  awareness.setLocalState({ user: { id: 'mallory' }, files: { version: 'mine' } });
  expect(toldVersion(awareness, 'files')).toBe('');
  awareness.setLocalState({ files: { version: 'files-1', by: 'Ana' } });
  expect(toldVersion(awareness, 'files')).toBe('files-1');
  awareness.destroy();
});

it('calls once for each change of what is listened to, until it is stopped', () => {
  const awareness = new Awareness(new Y.Doc());
  let calls = 0;
  const stop = onTold(awareness, 'manifest', () => (calls += 1));
  awareness.setLocalState({ manifest: { version: 'manifest-1' } });
  awareness.setLocalState({ manifest: { version: 'manifest-1' }, files: { version: 'files-1' } });
  expect(calls).toBe(1);
  awareness.setLocalState({ manifest: { version: 'manifest-2' } });
  expect(calls).toBe(2);
  stop();
  awareness.setLocalState({ manifest: { version: 'manifest-3' } });
  expect(calls).toBe(2);
  awareness.destroy();
});
