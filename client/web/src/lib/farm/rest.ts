// What can be asked of the farm: pausing nodes, ordering queues, and the words of an attempt.
import { get, projectPath, query, send } from '$lib/rest';
import type { BatchEstimate, Estimate, Job } from '$lib/schema/generated';

export type NodeOrder = 'pause' | 'drain' | 'resume' | 'forgive';

function farmPath(...parts: string[]): string {
  return ['/api/farm', ...parts.map(encodeURIComponent)].join('/');
}

export const farm = {
  livePath: '/api/farm/live',
  node: (name: string, order: NodeOrder) => send<unknown>('POST', farmPath('nodes', name, order)),
  /** Puts a waiting job before another one, or at the end. */
  order: (queue: string, job: string, before: string) =>
    send<unknown>('POST', farmPath('queues', queue, 'order'), { job, before }),
  priority: (job: string, priority: number) =>
    send<unknown>('POST', farmPath('jobs', job, 'priority'), { priority }),
  requeue: (job: string) => send<unknown>('POST', farmPath('jobs', job, 'requeue')),
  estimate: (project: string, node: string) =>
    get<Estimate>(`${projectPath(project, 'estimate')}${query({ node })}`),
  estimates: (project: string, nodes: readonly string[]) =>
    send<BatchEstimate>('POST', projectPath(project, 'estimates'), { nodes }),
  cancel: (project: string, job: string) =>
    send<unknown>('POST', projectPath(project, 'jobs', job, 'cancel')),
  job: (project: string, job: string) => get<Job>(projectPath(project, 'jobs', job)),
  logPath: (project: string, job: string, attempt: string) =>
    projectPath(project, 'jobs', job, 'attempts', attempt, 'log')
};
