import { describe, expect, it } from 'vitest';
import type { JobStatus } from '$lib/schema/generated';
import { sortJobs, statusLine, type JobLike } from './activity';

function job(id: string, status: JobStatus, fields: Partial<JobLike> = {}): JobLike {
  return {
    id,
    status,
    reason: '',
    asked_at: '2026-11-20T10:00:00Z',
    started_at: '',
    ended_at: '',
    seconds: 0,
    cost_usd: 0,
    attempts: [],
    ...fields
  };
}

describe('the list of jobs', () => {
  it('has what runs first, in the order it was asked for, so that rows keep their place', () => {
    const { live } = sortJobs(
      [
        job('late', 'queued', { asked_at: '2026-11-20T10:05:00Z' }),
        job('early', 'queued'),
        job('now', 'running', { asked_at: '2026-11-20T10:09:00Z' })
      ],
      10
    );
    expect(live.map(({ id }) => id)).toEqual(['now', 'early', 'late']);
  });

  it('has the newest results next, and only so many', () => {
    const { ended } = sortJobs(
      [
        job('a', 'completed', { ended_at: '2026-11-20T10:01:00Z' }),
        job('b', 'failed', { ended_at: '2026-11-20T10:03:00Z' }),
        job('c', 'refused', { asked_at: '2026-11-20T10:02:00Z' })
      ],
      2
    );
    expect(ended.map(({ id }) => id)).toEqual(['b', 'c']);
  });
});

describe('the line under a job', () => {
  it('says what it took, or why not', () => {
    expect(statusLine(job('a', 'completed', { seconds: 3.2, cost_usd: 0.05 }))).toBe('3.2 s, $0.05');
    expect(statusLine(job('a', 'refused', { reason: 'Budget Cap exceeded.' }))).toBe('Budget Cap exceeded.');
    expect(statusLine(job('a', 'failed'))).toBe('Failed without a reason');
  });

  it('says of a take that was offered again why it cost nothing', () => {
    expect(statusLine(job('a', 'completed', { notice: 'Unchanged: take 3.' }))).toBe('Unchanged: take 3.');
  });

  it('ends with a job that was lost, and asks to generate again', () => {
    expect(sortJobs([job('a', 'lost')], 10).live).toEqual([]);
    expect(statusLine(job('a', 'lost'))).toBe('Its farm nodes vanished. Generate again');
  });
});
