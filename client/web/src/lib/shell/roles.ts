// What a role may do in the app; the server decides, this only explains beforehand.
import type { Role } from '$lib/schema/generated';

const LADDER: Role[] = ['viewer', 'reviewer', 'editor', 'admin', 'owner'];

/** Editors and everybody above them change the canvas, generate and make projects. */
export function mayWrite(role: Role): boolean {
  return LADDER.indexOf(role) >= LADDER.indexOf('editor');
}
