// The attempts of a job in one shape, whether they were recorded before or after attempts kept their reasons.
import type { Attempt } from '$lib/schema/generated';
import { exitWords } from './words';

export interface AttemptView {
  id: string;
  number: number;
  farmNode: string;
  tier: string;
  how: string;
  ended: boolean;
  reason: string;
  seconds: number;
  costUsd: number;
  /** Addresses (hashes) of files that were kept but made no take. */
  setAside: readonly string[];
}

/** Newest first. */
export function attemptsOf(attempts: readonly Attempt[], jobTier: string, now: number): AttemptView[] {
  return attempts.map((attempt, index) => viewOf(attempt, index + 1, jobTier, now)).reverse();
}

function viewOf(attempt: Attempt, number: number, jobTier: string, now: number): AttemptView {
  const ended = attempt.ended_at !== '' || Boolean(attempt.exit);
  return {
    id: attempt.id,
    number,
    farmNode: attempt.farm_node,
    tier: attempt.tier || jobTier,
    how: exitWords(attempt.exit || attempt.outcome, ended),
    ended,
    reason: attempt.reason,
    seconds: attempt.seconds || elapsed(attempt, now),
    costUsd: attempt.cost_usd,
    setAside: attempt.set_aside
  };
}

function elapsed({ started_at, ended_at }: Attempt, now: number): number {
  const until = ended_at ? Date.parse(ended_at) : now;
  const seconds = (until - Date.parse(started_at)) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
