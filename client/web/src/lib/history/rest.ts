// Versions of a project over REST: the list, one of them, what differs between two, and bringing something back.
import { get, projectPath, query, send } from '$lib/rest';
import type { Difference } from './diff';
import type { PlainDocuments } from './past';

export interface Version {
  /** Same as `commit`: what lists know an entry by. */
  id: string;
  commit: string;
  /** First line of what happened. */
  message: string;
  author: string;
  /** Names of whoever worked on it, the author first. */
  people: string[];
  at: string;
  /** What people called this version. */
  names: string[];
  /** Made in it; the newest few. The thumbnail is an address, null when there is none. */
  takes: { id: string; name: string; thumbnail: string | null }[];
}

export interface VersionPage {
  versions: Version[];
  hasMore: boolean;
}

export interface GitStatus {
  /** Something has changed that no version holds yet. */
  pending: boolean;
  /** Why the last version could not be written; empty when it was. */
  problem: string;
}

/** Something that was put back, and why. */
export interface Refused {
  rule: string;
  title: string;
  message: string;
  /** Who can help, in words; "" when nobody can. */
  lift: string;
}

export interface Restored {
  /** How many records are as they were. */
  restored: number;
  refused: Refused[];
  /** The version that holds what stood until then: restoring it takes this back. */
  before: string;
}

/** How many versions are asked for at a time. */
const PAGE = 50;

export async function versionsOf(project: string, before?: string): Promise<VersionPage> {
  const { entries, next } = await get<{ entries: Omit<Version, 'id'>[]; next: string | null }>(
    projectPath(project, 'history') + query({ before, limit: PAGE })
  );
  return { versions: entries.map((entry) => ({ ...entry, id: entry.commit })), hasMore: next !== null };
}

export async function versionDocuments(project: string, commit: string): Promise<PlainDocuments> {
  return (await get<{ documents: PlainDocuments }>(projectPath(project, 'history', commit))).documents;
}

/** What differs between two versions, each a commit or "now". */
export function difference(project: string, from: string, to: string): Promise<Difference> {
  return get<Difference>(projectPath(project, 'history', 'diff') + query({ from, to }));
}

/** What is brought back: all of the document where no record is named, all of the record where no field is. */
export interface Restore {
  commit: string;
  document: string;
  /** Where in the document the record stands, e.g. "nodes". */
  root?: string;
  record?: string;
  field?: string;
  /** The commit that was restored and is taken back: what anybody has changed since then stays. */
  undoes?: string;
}

export function restore(project: string, what: Restore): Promise<Restored> {
  return send<Restored>('POST', projectPath(project, 'history', 'restore'), what);
}

export function gitStatus(project: string): Promise<GitStatus> {
  return get<GitStatus>(projectPath(project, 'git', 'status'));
}
