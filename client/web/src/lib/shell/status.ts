import type { JobStatus, NodeState } from '$lib/schema/generated';

/** What a status icon can show: a job's status, or that there is none, or that it has not been judged. */
export type ShownStatus = JobStatus | 'idle' | 'asked';

/** The part of a project that knows the state of shots. */
interface States {
  stateOf(node: string): NodeState | 'asked';
  jobOf(node: string): { status: JobStatus } | undefined;
  takesOf(node: string): readonly unknown[];
}

/** The state of a shot; a cancelled try does not hide that there are takes. */
export function statusOf(project: States, node: string): ShownStatus {
  if (project.stateOf(node) === 'asked') return 'asked';
  const status = project.jobOf(node)?.status;
  if (status === undefined || status === 'cancelled')
    return project.takesOf(node).length > 0 ? 'completed' : 'idle';
  return status;
}
