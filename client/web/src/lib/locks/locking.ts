// Locks and unlocks through the server: it writes the lock and the line in the audit log, and everybody sees it come.
import type { LockKind } from '../schema/generated';
import { projectPath, send } from '../rest';

/** What can be locked from here, and what it is called. */
export type LockTarget = { kind: Exclude<LockKind, 'picture'>; id: string; title: string };

export const CONTRACT: LockTarget = { kind: 'contract', id: '', title: 'the brief' };

/** Throws ApiError. */
export function lock(project: string, target: LockTarget): Promise<unknown> {
  return send('PUT', pathOf(project, target), { locked: true });
}

/** The reason stands in the audit log. Throws ApiError. */
export function unlock(project: string, target: LockTarget, reason: string): Promise<unknown> {
  return send('PUT', pathOf(project, target), { locked: false, reason });
}

/** "the shot “Rooftop”". */
export function namedTarget({ kind, title }: LockTarget): string {
  return kind === 'contract' ? title : `the ${kind} “${title}”`;
}

function pathOf(project: string, { kind, id }: LockTarget): string {
  if (kind === 'contract') return projectPath(project, 'contract', 'lock');
  return projectPath(project, kind === 'shot' ? 'shots' : 'styles', id, 'lock');
}
