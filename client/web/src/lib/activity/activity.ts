// What the farm does and did for this project, sorted for the activity panel.
import type { JobStatus } from '$lib/schema/generated';
import { duration, money } from '$lib/ui/format';

export interface JobLike {
  id: string;
  status: JobStatus;
  reason: string;
  started_at: string;
  ended_at: string;
  asked_at: string;
  seconds: number;
  cost_usd: number;
  notice?: string;
  attempts: readonly unknown[];
}

const LIVE: ReadonlySet<JobStatus> = new Set(['queued', 'running']);

export function isLive(status: JobStatus): boolean {
  return LIVE.has(status);
}

/** Running before queued, oldest first, so that rows keep their place; then the newest of what has ended. */
export function sortJobs<Job extends JobLike>(
  jobs: readonly Job[],
  recent: number
): { live: Job[]; ended: Job[] } {
  const live = jobs.filter((job) => isLive(job.status)).sort((a, b) => rank(a) - rank(b) || early(a, b));
  const ended = jobs
    .filter((job) => !isLive(job.status))
    .sort((a, b) => (b.ended_at || b.asked_at).localeCompare(a.ended_at || a.asked_at))
    .slice(0, recent);
  return { live, ended };
}

/** The second line of a row. */
export function statusLine(job: JobLike): string {
  switch (job.status) {
    case 'queued':
      return 'Waiting for a farm node';
    case 'running':
      return 'Running';
    case 'lost':
      return job.reason || 'Its farm nodes vanished. Generate again';
    case 'completed':
      // A take that was there already took nothing and cost nothing.
      return job.attempts.length === 0 && job.notice
        ? job.notice
        : `${duration(job.seconds)}, ${money(job.cost_usd)}`;
    case 'cancelled':
      return 'Cancelled';
    case 'refused':
      return job.reason || 'Refused without a reason';
    case 'failed':
      return job.reason || 'Failed without a reason';
  }
}

function rank(job: JobLike): number {
  return job.status === 'running' ? 0 : 1;
}

function early(a: JobLike, b: JobLike): number {
  return a.asked_at.localeCompare(b.asked_at) || a.id.localeCompare(b.id);
}
