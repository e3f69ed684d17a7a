// The attempts of a job in one shape, whether they were recorded before or after attempts kept their reasons.
import type { Attempt } from '$lib/schema/generated';
import { exitWords } from './words';

/** What an attempt may say besides; older records do not. */
interface More {
  fence: number;
  tier: string;
  exit: string;
  reason: string;
  seconds: number;
  cost_usd: number;
  /** Blobs, or media records, of a result that came after another had taken the job over. */
  set_aside: readonly (string | { blob: string })[];
}

export interface AttemptView {
  id: string;
  number: number;
  farmNode: string;
  tier: string;
  how: string;
  ended: boolean;
  reason: string;
  seconds: number;
  costUsd: number | null;
  /** Addresses (hashes) of files that were kept but made no take. */
  setAside: string[];
}

/** Newest first. */
export function attemptsOf(attempts: readonly Attempt[], jobTier: string, now: number): AttemptView[] {
  return attempts
    .map((attempt, index) => viewOf(attempt as Attempt & Partial<More>, index + 1, jobTier, now))
    .reverse();
}

function viewOf(attempt: Attempt & Partial<More>, number: number, jobTier: string, now: number): AttemptView {
  const ended = attempt.ended_at !== '' || Boolean(attempt.exit);
  return {
    id: attempt.id,
    number,
    farmNode: attempt.farm_node,
    tier: attempt.tier || jobTier,
    how: exitWords(attempt.exit || attempt.outcome, ended),
    ended,
    reason: attempt.reason ?? '',
    seconds: attempt.seconds || elapsed(attempt, now),
    costUsd: attempt.cost_usd ?? null,
    setAside: (attempt.set_aside ?? []).map((one) => (typeof one === 'string' ? one : one.blob))
  };
}

function elapsed({ started_at, ended_at }: Attempt, now: number): number {
  const until = ended_at ? Date.parse(ended_at) : now;
  const seconds = (until - Date.parse(started_at)) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
