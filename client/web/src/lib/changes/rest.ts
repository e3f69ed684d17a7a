// Who changed what in a project, and what was done with rights in it.
import { get, projectPath, query } from '$lib/rest';

export interface By {
  id: string;
  name: string;
}

/** Changes of one person to one record that came together. */
export interface Change {
  id: string | number;
  at: string;
  until: string;
  by: By;
  document: string;
  record: string;
  title: string;
  /** What the record is, e.g. "shot". */
  type: string;
  change: 'added' | 'changed' | 'removed';
  fields: string[];
}

export interface AuditEntry {
  id: string | number;
  at: string;
  by: By;
  action: string;
  target: string;
  /** What the person, link or token was called then; "" where the target is something else. */
  target_name: string;
  reason: string;
  detail: string;
}

export type Cursor = string | number | null;

/** Entries newest first; `next` asks for those before them, null when there are none. */
export interface Page<Entry> {
  entries: Entry[];
  next: Cursor;
}

export type Blame = Record<string, { by: By; at: string }>;

export interface ChangeFilter {
  user?: string;
  document?: string;
}

const PAGE = 50;

export const changes = {
  list: (project: string, filter: ChangeFilter, before: Cursor) =>
    get<Page<Change>>(
      projectPath(project, 'activity') + query({ ...filter, before: before ?? undefined, limit: PAGE })
    ),
  audit: (project: string, before: Cursor) =>
    get<Page<AuditEntry>>(
      projectPath(project, 'audit') + query({ before: before ?? undefined, limit: PAGE })
    ),
  blame: async (project: string, record: string): Promise<Blame> =>
    (await get<{ fields: Blame }>(projectPath(project, 'blame') + query({ document: 'canvas', record })))
      .fields
};
