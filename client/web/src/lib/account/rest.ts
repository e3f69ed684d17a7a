// What belongs to the person who is signed in: tokens for programs, signed-in browsers, the password.
import { get, send } from '$lib/rest';
import type { Role } from '$lib/schema/generated';

export interface AccessToken {
  id: string;
  name: string;
  role: Role;
  /** The one project it opens; null: all that its owner may open. */
  project: string | null;
  /** Null: until it is revoked. */
  expires_at: string | null;
  created_at: string;
  /** When it was made, while it was never used. */
  last_used: string;
}

/** A token as it is told once, when it is made. */
export interface NewAccessToken extends AccessToken {
  token: string;
}

/** A browser or program that is signed in. */
export interface Session {
  id: string;
  /** `refresh`: a program that signed in by name and password. */
  kind: 'session' | 'refresh' | 'guest';
  /** How the browser or program calls itself. */
  name: string;
  created_at: string;
  last_used: string;
  /** The one that asks. */
  current: boolean;
}

export const account = {
  tokens: () => get<AccessToken[]>('/api/me/tokens'),
  makeToken: (wanted: { name: string; role: Role; project: string | null; days: number | null }) =>
    send<NewAccessToken>('POST', '/api/me/tokens', wanted),
  revokeToken: (id: string) => send<unknown>('DELETE', `/api/me/tokens/${encodeURIComponent(id)}`),
  sessions: () => get<Session[]>('/api/me/sessions'),
  endSession: (id: string) => send<unknown>('DELETE', `/api/me/sessions/${encodeURIComponent(id)}`),
  setPassword: (current: string, password: string) =>
    send<unknown>('PUT', '/api/me/password', { current, password })
};
