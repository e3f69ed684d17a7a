// Forks of the canvas over REST: the list, making one, what merging it would change, merging it, throwing it away.
import type { RecordDifference } from '$lib/history/diff';
import type { Refused } from '$lib/history/rest';
import { get, projectPath, send } from '$lib/rest';

export interface Fork {
  name: string;
  by: { id: string; name: string };
  at: string;
  /** The version that it was made from; null when it was the canvas of that moment. */
  commit: string | null;
  /** How many things on the canvas merging it would change. */
  ahead: number;
}

export interface ForkDifference {
  records: RecordDifference[];
  /** How many more differ than can be looked at. */
  left_out: number;
}

export interface Merged {
  merged: number;
  refused: Refused[];
  /** The version that holds the canvas as it was before. */
  before: string;
}

export const rest = {
  list: async (project: string) => (await get<{ forks: Fork[] }>(projectPath(project, 'forks'))).forks,
  create: (project: string, name: string, commit = '') =>
    send<Omit<Fork, 'ahead'>>('POST', projectPath(project, 'forks'), { name, ...(commit ? { commit } : {}) }),
  diff: (project: string, name: string) => get<ForkDifference>(projectPath(project, 'forks', name, 'diff')),
  merge: (project: string, name: string) =>
    send<Merged>('POST', projectPath(project, 'forks', name, 'merge')),
  remove: (project: string, name: string) =>
    send<Record<string, never>>('DELETE', projectPath(project, 'forks', name))
};
