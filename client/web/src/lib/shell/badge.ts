// The word in the top bar that says whether one's work is safe.
import type { Connection } from '$lib/project/types';

export interface Badge {
  text: string;
  tone: 'neutral' | 'queued' | 'running' | 'done' | 'failed' | 'locked';
}

export function badgeOf({ kind, unsynced }: Pick<Connection, 'kind' | 'unsynced'>): Badge {
  switch (kind) {
    case 'connecting':
      return { text: 'Connecting', tone: 'queued' };
    case 'saved':
      return { text: 'Saved', tone: 'done' };
    case 'saving':
      return { text: unsynced > 1 ? `Saving ${unsynced}` : 'Saving', tone: 'running' };
    case 'stuck':
      return { text: 'Server disk fails', tone: 'failed' };
    case 'offline':
      return { text: unsynced > 0 ? `Offline, ${unsynced} unsynced` : 'Offline', tone: 'running' };
    case 'readonly':
      return { text: unsynced > 0 ? `Read only, ${unsynced} refused` : 'Read only', tone: 'locked' };
    case 'refused':
      return { text: 'Disconnected', tone: 'failed' };
    case 'failed':
      return { text: 'Not joined', tone: 'failed' };
  }
}
