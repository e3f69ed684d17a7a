// Who may steer the farm and stop its jobs, and what is said when something was refused.
import { messageOf } from '$lib/errors';
import type { Role } from '$lib/schema/generated';
import { roleMay, whyRoleMayNot } from '$lib/project/permissions';
import { leaveIfSignedOut } from '$lib/shell/session';

/** Why somebody cannot pause nodes or order queues, and who can; empty when they can. The role is the workspace's. */
export function whyNotSteer(role: Role | null | undefined): string {
  if (role && roleMay(role, 'manage_farm')) return '';
  if (role === undefined) return 'It is not known yet who you are here.';
  return 'Only an admin or the owner of this workspace can steer the farm.';
}

/** Why a job cannot be stopped now; empty when it can. The role is that in the job's project. */
export function whyNotCancel(job: { live: boolean; stopping: boolean; role: Role }): string {
  if (!job.live) return 'It has ended';
  return job.stopping ? 'The farm has been told to stop it' : whyRoleMayNot(job.role, 'cancel');
}

/** The reason in words; empty when the person is on the way to the sign-in page. */
export function whyNotMessage(error: unknown): string {
  return leaveIfSignedOut(error) ? '' : messageOf(error);
}
