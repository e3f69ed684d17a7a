// Where a project's work lies: its repository as the server sees it, and how to get it.
import { get, projectPath, send } from '$lib/rest';

/** Where a project is pushed after each version. */
export interface Remote {
  url: string;
  state: 'ok' | 'waiting' | 'failing';
  at: string | null;
  message: string;
}

export interface GitStatus {
  branch: string;
  commit: string | null;
  message: string;
  at: string | null;
  /** Files on disk that differ from the last commit. */
  changed_files: number;
  /** Whether edits wait for the next snapshot. */
  pending: boolean;
  /** What keeps versions from being made; empty while nothing does. */
  problem: string;
  lfs: { ok: boolean; version: string | null; message: string };
  remote: Remote | null;
}

export const repository = {
  status: (project: string) => get<GitStatus>(projectPath(project, 'git', 'status')),
  /** An empty address: nowhere; without a token the one stays that was set for that host. */
  setRemote: (project: string, url: string, token?: string) =>
    send<unknown>(
      'PUT',
      projectPath(project, 'git', 'remote'),
      token === undefined ? { url } : { url, token }
    )
};

/** The command that brings a project to another machine. */
export function cloneCommand(origin: string, projectId: string, name: string): string {
  return `git clone ${origin}/git/${encodeURIComponent(projectId)}.git ${folderName(name)}`;
}

/** A folder name that needs no quotes in any shell. */
export function folderName(name: string): string {
  const words = name.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}_]+/gu, '-');
  return words.replace(/^-+|-+$/g, '').slice(0, 60) || 'project';
}
