// Bringing something back, and taking that back again: both are new changes, for everybody, in the name of who asked.
import { messageOf } from '$lib/errors';
import type { Elsewhere } from '$lib/project/history';
import { leaveIfSignedOut } from '$lib/shell/session';
import type { Studio } from '$lib/shell/studio.svelte';
import { toasts } from '$lib/ui/toasts.svelte';
import { restore, type Restore, type Restored } from './rest';
import type { Asked } from './travel.svelte';
import { versionWords } from './words';

export async function bringBack(studio: Studio, asked: Asked): Promise<Restored> {
  const { version, document, record, field } = asked;
  const what: Restore = {
    commit: version.commit,
    document,
    ...(record ? { record: record.id, root: record.root } : {}),
    ...(field ? { field: field.name } : {})
  };
  const done = await restore(studio.project.id, what);
  const of = record?.title ? `“${record.title}”` : document === 'canvas' ? 'the canvas' : document;
  const told = {
    tone: 'done' as const,
    title: done.restored > 0 ? `You restored ${of}` : `Nothing of ${of} had to be restored`,
    detail:
      done.restored > 0
        ? `${done.refused.length > 0 ? 'What was not refused' : 'It'} is as in ${versionWords(version)}, for everybody.`
        : 'It is as it was then.',
    topic: `restored ${done.before}`
  };
  if (done.refused.length > 0 && done.restored === 0) return done;
  if (done.restored === 0) {
    toasts.show({ ...told, tone: 'neutral' });
    return done;
  }
  const taken = stepOf(studio, what, done.before, of);
  const takeBackOnce = () => {
    studio.project.history.forget(taken);
    void taken.undo();
  };
  if (document === 'canvas') studio.project.history.remember(taken);
  const action = { label: 'Undo', run: takeBackOnce };
  toasts.show({ ...told, action });
  studio.notices.add({ ...told, action });
  return done;
}

/** What was restored as a step to undo and redo; taking it back leaves what others have done since. */
function stepOf(studio: Studio, what: Restore, firstBefore: string, of: string): Elsewhere {
  let before = firstBefore;
  return {
    undo: () => takeBack(studio, { ...what, commit: before, undoes: what.commit }, of),
    redo: async () => {
      try {
        ({ before } = await restore(studio.project.id, what));
        return true;
      } catch (error) {
        if (!leaveIfSignedOut(error))
          toasts.show({ tone: 'failed', title: `Not restored again: ${of}`, detail: messageOf(error) });
        return false;
      }
    }
  };
}

/** Whether it is taken back, at least in part. */
async function takeBack(studio: Studio, what: Restore, of: string): Promise<boolean> {
  const topic = `restored ${what.commit}`;
  try {
    const { refused } = await restore(studio.project.id, what);
    const detail = refused[0]
      ? `Not all of it: ${refused[0].message}`
      : 'It is as it was before you restored it, but for what was changed since.';
    const told = { title: `Undone: ${of}`, detail, topic };
    toasts.show(told);
    studio.notices.add(told);
    return true;
  } catch (error) {
    if (!leaveIfSignedOut(error))
      toasts.show({ tone: 'failed', title: `Not undone: ${of}`, detail: messageOf(error), topic });
    return false;
  }
}

/** What the server tells everybody in the project when somebody has restored something. */
export type RestoredNotice = {
  id: string;
  by: { id: string; name: string };
  document: string;
  record: string;
  title: string;
  records: number;
};

/** The notice in a stateless message; undefined when it is about something else or cannot be read. */
export function readRestored(payload: string): RestoredNotice | undefined {
  try {
    const message = JSON.parse(payload) as Record<string, unknown>;
    const by = message.by as { id?: unknown; name?: unknown } | undefined;
    if (message.type !== 'restored' || typeof message.id !== 'string') return undefined;
    return {
      id: message.id,
      by: { id: text(by?.id), name: text(by?.name) || 'Somebody' },
      document: text(message.document),
      record: text(message.record),
      title: text(message.title),
      records: typeof message.records === 'number' ? message.records : 0
    };
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
