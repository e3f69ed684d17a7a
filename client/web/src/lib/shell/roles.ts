// What a role may do, in words; the server decides by the same table, this only explains beforehand.
import { ACTIONS, ROLES, WHO, type Action, type Role } from '$lib/schema/generated';
import type { Choice } from '$lib/ui/choice';

export const ROLE_CHOICES: readonly Choice<Role>[] = [
  { value: 'viewer', label: 'Viewer', detail: 'Looks at everything, changes nothing' },
  { value: 'reviewer', label: 'Reviewer', detail: 'Comments on takes and votes' },
  { value: 'editor', label: 'Editor', detail: 'Changes the canvas and generates' },
  { value: 'admin', label: 'Admin', detail: 'Also locks, invites people and reads the audit log' },
  { value: 'owner', label: 'Owner', detail: 'Also names admins, exports and deletes the project' }
];

export function roleLabel(role: Role): string {
  return choiceOf(role).label;
}

/** What somebody with that role does here, e.g. "Comments on takes and votes". */
export function roleDetail(role: Role): string {
  return choiceOf(role).detail ?? '';
}

export function isAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** The roles up to and including that one, lowest first. */
export function rolesUpTo(role: Role): readonly Choice<Role>[] {
  return ROLE_CHOICES.filter((choice) => isAtLeast(role, choice.value));
}

export function mayDo(role: Role, action: Action): boolean {
  return isAtLeast(role, ACTIONS[action]);
}

/** Who could do it in a project, in words: "an admin or the owner of this project". */
export function whoMay(action: Action): string {
  return WHO[ACTIONS[action]];
}

/** Editors and everybody above them change the canvas, generate and make projects. */
export function mayWrite(role: Role): boolean {
  return mayDo(role, 'edit');
}

function choiceOf(role: Role): Choice<Role> {
  return ROLE_CHOICES.find((choice) => choice.value === role) ?? { value: role, label: role };
}
