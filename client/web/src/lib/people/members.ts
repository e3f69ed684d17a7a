// What may be done with a member by whom, and why not: pure, so that every case can be tested.
import type { Role } from '$lib/schema/generated';
import { reaches, roleMay, whoMay } from '$lib/project/permissions';
import { ROLE_CHOICES } from '$lib/shell/roles';
import type { Choice } from '$lib/ui/choice';
import type { Access, Member } from './rest';

export const MANAGERS = whoMay('manage_members');

export function mayManage(mine: Role): boolean {
  return roleMay(mine, 'manage_members');
}

/** The roles that somebody may give: admins everything below their own, the owner everything but a second owner. */
export function rolesToGive(mine: Role): readonly Choice<Role>[] {
  const most: Role | undefined = roleMay(mine, 'grant_admin')
    ? 'admin'
    : mayManage(mine)
      ? 'editor'
      : undefined;
  return most ? ROLE_CHOICES.filter((choice) => reaches(most, choice.value)) : [];
}

/** Why somebody's role cannot be changed by me; "" when it can. */
export function whyNotChange(mine: Role, member: Member, myId: string): string {
  if (member.role === 'owner') return 'An owner stays owner until they give the project to somebody else.';
  if (!mayManage(mine)) return `Roles are changed by ${MANAGERS}.`;
  if (member.via === 'share')
    return 'The role of a guest comes with the link. Make a link with another role.';
  if (member.id === myId) return 'Nobody changes their own role. Another admin or the owner can.';
  if (member.role === 'admin' && !roleMay(mine, 'grant_admin'))
    return 'Only the owner changes the role of an admin.';
  if (member.role === 'admin' && member.via === 'workspace')
    return 'Admins of the workspace are admins of every project in it. Whoever runs it can change that.';
  return '';
}

/** Why I cannot send somebody away; "" when I can. */
export function whyNotRemove(mine: Role, member: Member, access: Access): string {
  if (!mayManage(mine)) return `People are removed by ${MANAGERS}.`;
  if (member.role === 'owner') return 'The owner cannot be removed. They can make somebody else the owner.';
  if (member.role === 'admin' && !roleMay(mine, 'grant_admin')) return 'Only the owner removes an admin.';
  if (member.via === 'workspace' && access === 'workspace')
    return 'Everybody in this workspace may open the project. Choose “Only members” first.';
  return '';
}

/** Why I cannot leave; "" when I can. */
export function whyNotLeave(me: Member): string {
  if (me.role === 'owner') return 'A project needs an owner. Make somebody else the owner first.';
  if (me.via === 'workspace')
    return 'You are here because everybody in this workspace is, and not as a member.';
  return '';
}

/** How somebody came to be here. */
export function viaWords({ via }: Member): string {
  return { member: 'Member', workspace: 'Everybody in this workspace', share: 'Guest, by a link' }[via];
}

/** Me first, then by role from the top, then by name. */
export function inOrder(members: readonly Member[], myId: string): Member[] {
  const rank = ({ id, role }: Member) =>
    id === myId ? -1 : ROLE_CHOICES.length - ROLE_CHOICES.findIndex((choice) => choice.value === role);
  return members.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}
