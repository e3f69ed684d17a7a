// Roles in words, for people who give them.
import { reaches } from '$lib/project/permissions';
import type { Role } from '$lib/schema/generated';
import type { Choice } from '$lib/ui/choice';

export const ROLE_CHOICES: readonly Choice<Role>[] = [
  { value: 'viewer', label: 'Viewer', detail: 'Looks at everything, changes nothing' },
  { value: 'reviewer', label: 'Reviewer', detail: 'Comments on takes and votes' },
  { value: 'editor', label: 'Editor', detail: 'Changes the canvas and generates' },
  {
    value: 'admin',
    label: 'Admin',
    detail: 'Does what an editor does, and locks, invites people and reads the audit log'
  },
  { value: 'owner', label: 'Owner', detail: 'Does everything, also naming admins, exporting and deleting' }
];

export function roleLabel(role: Role): string {
  return choiceOf(role).label;
}

/** What somebody with that role does here, e.g. "Comments on takes and votes". */
export function roleDetail(role: Role): string {
  return choiceOf(role).detail ?? '';
}

/** The roles up to and including that one, lowest first. */
export function rolesUpTo(role: Role): readonly Choice<Role>[] {
  return ROLE_CHOICES.filter((choice) => reaches(role, choice.value));
}

function choiceOf(role: Role): Choice<Role> {
  return ROLE_CHOICES.find((choice) => choice.value === role) ?? { value: role, label: role };
}
