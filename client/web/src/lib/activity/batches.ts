// Takes that were asked for with one click, and how far they are together.
import type { JobStatus } from '$lib/schema/generated';
import { count } from '$lib/ui/format';
import { isLive, type JobLike } from './activity';

export interface BatchJob extends JobLike {
  batch?: string;
}

export interface BatchView<Job extends BatchJob> {
  id: string;
  /** In the order they were asked for, so that rows keep their place. */
  jobs: Job[];
  /** Those that the server has not judged yet. */
  asked: number;
  total: number;
  ended: number;
  percent: number;
  /** "2 of 5 done, 1 running, 2 waiting". */
  text: string;
}

/** Batches that have not ended, oldest first. */
export function batchesOf<Job extends BatchJob>(
  jobs: readonly Job[],
  asked: readonly { batch: string }[],
  percentOf: (job: Job) => number
): BatchView<Job>[] {
  const found = new Map<string, { jobs: Job[]; asked: number }>();
  const at = (id: string) => {
    const one = found.get(id) ?? { jobs: [], asked: 0 };
    found.set(id, one);
    return one;
  };
  for (const job of jobs) if (job.batch) at(job.batch).jobs.push(job);
  for (const { batch } of asked) if (batch) at(batch).asked += 1;
  return [...found]
    .map(([id, batch]) => viewOf(id, batch.jobs, batch.asked, percentOf))
    .filter((batch) => batch.ended < batch.total)
    .sort((a, b) => first(a).localeCompare(first(b)));
}

/** Rows that a large batch shows until all are asked for. */
export const MOST_ROWS = 24;

/** Of a large batch what is under way or went wrong, as far as there is room; of any other everything. */
export function firstOf<Job extends BatchJob>(jobs: readonly Job[]): readonly Job[] {
  if (jobs.length <= MOST_ROWS) return jobs;
  return jobs.filter(({ status }) => status !== 'completed' && status !== 'cancelled').slice(0, MOST_ROWS);
}

function viewOf<Job extends BatchJob>(
  id: string,
  unsorted: readonly Job[],
  asked: number,
  percentOf: (job: Job) => number
): BatchView<Job> {
  const jobs = [...unsorted].sort((a, b) => a.asked_at.localeCompare(b.asked_at) || a.id.localeCompare(b.id));
  const number = (...statuses: JobStatus[]) => jobs.filter(({ status }) => statuses.includes(status)).length;
  const total = jobs.length + asked;
  const ended = jobs.filter(({ status }) => !isLive(status)).length;
  const [done, running, failed, stopped] = [
    number('completed'),
    number('running'),
    number('failed', 'refused', 'lost'),
    number('cancelled')
  ];
  const waiting = total - ended - running;
  const parts = [
    `${done} of ${count(total, 'take')} done`,
    ...(running ? [`${running} running`] : []),
    ...(waiting ? [`${waiting} waiting`] : []),
    ...(failed ? [`${failed} failed`] : []),
    ...(stopped ? [`${stopped} cancelled`] : [])
  ];
  const sum = jobs.reduce((all, job) => all + (isLive(job.status) ? percentOf(job) : 100), 0);
  return { id, jobs, asked, total, ended, percent: sum / total, text: parts.join(', ') };
}

function first(batch: { jobs: readonly JobLike[] }): string {
  return batch.jobs[0]?.asked_at ?? '~';
}
