// Who belongs to a project, and the links by which guests come in.
import { get, projectPath, send } from '$lib/rest';
import type { Role } from '$lib/schema/generated';

/** Who may open a project without having been added: everybody with an account, or nobody. */
export type Access = 'workspace' | 'members';

export interface Member {
  id: string;
  name: string;
  hue: number;
  role: Role;
  guest: boolean;
  via: 'member' | 'workspace' | 'share';
}

export interface Members {
  access: Access;
  members: Member[];
}

/** Somebody with an account in this workspace. */
export interface Account {
  id: string;
  name: string;
  hue: number;
  role: Role;
}

export type GuestRole = Extract<Role, 'viewer' | 'reviewer'>;

export interface Share {
  id: string;
  label: string;
  role: GuestRole;
  by: { id: string; name: string };
  expires_at: string;
  /** How many came in by it. */
  guests: number;
}

/** A guest link as it is told once, when it is made. */
export interface NewShare extends Share {
  url: string;
}

export const people = {
  accounts: () => get<Account[]>('/api/people'),
  members: (project: string) => get<Members>(projectPath(project, 'members')),
  add: (project: string, name: string, role: Role) =>
    send<unknown>('POST', projectPath(project, 'members'), { name, role }),
  setRole: (project: string, user: string, role: Role) =>
    send<unknown>('PUT', projectPath(project, 'members', user), { role }),
  /** Removing oneself is leaving. */
  remove: (project: string, user: string) => send<unknown>('DELETE', projectPath(project, 'members', user)),
  setAccess: (project: string, access: Access) =>
    send<unknown>('PUT', projectPath(project, 'access'), { access }),
  /** Whoever gives a project away stays as an admin. */
  makeOwner: (project: string, user: string) =>
    send<unknown>('POST', projectPath(project, 'owner'), { user }),
  shares: (project: string) => get<Share[]>(projectPath(project, 'shares')),
  share: (project: string, label: string, role: GuestRole, days: number) =>
    send<NewShare>('POST', projectPath(project, 'shares'), { label, role, days }),
  revokeShare: (project: string, share: string) =>
    send<unknown>('DELETE', projectPath(project, 'shares', share)),
  /** Comes in by a guest link: as a guest of that name, or as the account that may open the project anyway. */
  enter: (token: string, name: string) =>
    send<{ project: string; role: Role }>('POST', '/auth/share', { token, name })
};
