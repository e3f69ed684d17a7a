// Signing in and coming back to where one was.
import { goto } from '$app/navigation';
import { ApiError } from '$lib/errors';

/** The sign-in page, remembering the address to come back to. */
export function loginAddress(here: string): string {
  return here === '/' || here.startsWith('/login') ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}

/** Where to go after signing in; only an address of our own, never another site's. */
export function nextAddress(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}

/** Sends somebody who is not signed in to the sign-in page; true when it did. */
export function leaveIfSignedOut(error: unknown, here = location.pathname + location.search): boolean {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  void goto(loginAddress(here), { replaceState: true });
  return true;
}
