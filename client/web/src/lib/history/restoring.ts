// Bringing something back, and taking that back again: both are new changes, for everybody, in the name of who asked.
import { messageOf } from '$lib/errors';
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
  const action = { label: 'Undo', run: () => void takeBack(studio, { ...what, commit: done.before }, of) };
  toasts.show({ ...told, action });
  studio.notices.add({ ...told, action });
  return done;
}

async function takeBack(studio: Studio, what: Restore, of: string): Promise<void> {
  const topic = `restored ${what.commit}`;
  try {
    const { refused } = await restore(studio.project.id, what);
    const detail = refused[0]
      ? `Not all of it: ${refused[0].message}`
      : 'It is as it was before you restored it.';
    const told = { title: `Undone: ${of}`, detail, topic };
    toasts.show(told);
    studio.notices.add(told);
  } catch (error) {
    if (!leaveIfSignedOut(error))
      toasts.show({ tone: 'failed', title: `Not undone: ${of}`, detail: messageOf(error), topic });
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
