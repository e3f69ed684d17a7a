// How long a running job will still take, from its progress or from what such jobs usually take.
import type { Job, JobProgress } from '../schema/generated';
import { duration } from '../ui/format';
import { secondsTill } from './progress';

/** Percent from which a job that takes longer than usual may be called almost done. */
const NEARLY = 90;

/** Seconds until a running job is done; null while that is anybody's guess. */
export function secondsLeft(
  job: Pick<Job, 'started_at'>,
  progress: (Pick<JobProgress, 'percent' | 'eta_seconds'> & { heardAt?: number }) | undefined,
  usualSeconds: number,
  now: number
): number | null {
  const elapsed = (now - Date.parse(job.started_at)) / 1000;
  if (!Number.isFinite(elapsed) || elapsed < 0) return null;
  const told = secondsTill(progress && { heardAt: now, ...progress }, now);
  const percent = progress?.percent ?? 0;
  const isOverdue = percent > 0 && percent < NEARLY && elapsed > usualSeconds && usualSeconds > 0;
  if (told !== null && !(isOverdue && told < 1)) return told;
  // Early percents say little; until then the pipeline's own experience is the better guess, while it holds.
  if (percent >= 15 || isOverdue) return (elapsed / percent) * (100 - percent);
  return usualSeconds > 0 ? Math.max(0, usualSeconds - elapsed) : null;
}

/** "12 s left"; whole seconds, because more would be a promise. */
export function timeLeft(seconds: number): string {
  return seconds < 1 ? 'almost done' : `${duration(Math.round(seconds))} left`;
}
