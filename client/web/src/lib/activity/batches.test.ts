import { describe, expect, it } from 'vitest';
import type { JobStatus } from '$lib/schema/generated';
import { batchesOf, firstOf, MOST_ROWS, type BatchJob } from './batches';

function job(id: string, status: JobStatus, batch = 'b1'): BatchJob {
  return {
    id,
    status,
    batch,
    reason: '',
    asked_at: `2026-11-20T10:00:0${id.length}Z`,
    started_at: '',
    ended_at: '',
    seconds: 0,
    cost_usd: 0,
    attempts: []
  };
}

describe('takes that were asked for together', () => {
  it('show how far they are, each counted as far as it is', () => {
    const jobs = [
      job('one', 'completed'),
      job('three', 'running'),
      job('four', 'queued'),
      job('fives', 'failed')
    ];
    const [batch] = batchesOf(jobs, [{ batch: 'b1' }], (each) => (each.status === 'running' ? 50 : 0));
    expect(batch).toMatchObject({ total: 5, ended: 2, percent: 50 });
    expect(batch?.text).toBe('1 of 5 takes done, 1 running, 2 waiting, 1 failed');
  });

  it('are gone from there once all have ended, however they did', () => {
    expect(batchesOf([job('a', 'completed'), job('b', 'cancelled')], [], () => 0)).toEqual([]);
  });

  it('are not jobs that were asked for one by one', () => {
    expect(batchesOf([job('a', 'running', '')], [{ batch: '' }], () => 0)).toEqual([]);
  });

  it('count those that the server has not judged yet', () => {
    const [batch] = batchesOf([], [{ batch: 'x' }, { batch: 'x' }], () => 0);
    expect(batch?.text).toBe('0 of 2 takes done, 2 waiting');
  });
});

describe('the rows of a batch', () => {
  it('are all of them while they are few, and then what is under way or went wrong', () => {
    const few = [job('one', 'completed'), job('two', 'running')];
    expect(firstOf(few)).toEqual(few);
    const done = Array.from({ length: 100 }, (_, at) => job(`done ${at}`, 'completed'));
    expect(firstOf([...done, job('bad', 'failed'), job('live', 'running')]).map(({ id }) => id)).toEqual([
      'bad',
      'live'
    ]);
    const live = Array.from({ length: 300 }, (_, at) => job(`live ${at}`, 'running'));
    expect(firstOf(live)).toEqual(live.slice(0, MOST_ROWS));
  });
});
