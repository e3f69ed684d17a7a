// What a job does now, in one line: its step while it runs, its place and the wait while it does not.
import { secondsTill, type ShownProgress } from '$lib/project/progress';
import { placeWords } from '$lib/farm/words';
import { duration } from '$lib/ui/format';
import { statusLine, type JobLike } from './activity';

export function lineOf(
  job: JobLike,
  progress: ShownProgress | undefined,
  stopping: boolean,
  now: number
): string {
  if (stopping) return 'Being cancelled';
  if (job.status === 'queued' && progress?.position !== undefined) {
    const left = secondsTill(progress, now);
    const till = left === null || left < 1 ? '' : `, take in about ${duration(Math.round(left))}`;
    return `${placeWords(progress.position)}${till}`;
  }
  return (job.status === 'running' && progress?.step) || statusLine(job);
}
