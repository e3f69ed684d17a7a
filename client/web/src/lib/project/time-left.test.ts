import { describe, expect, it } from 'vitest';
import { secondsLeft, timeLeft } from './time-left';

describe('the time left', () => {
  const started_at = '2026-11-20T10:00:00Z';
  const after = (seconds: number) => Date.parse(started_at) + seconds * 1000;

  it('follows from the progress once there is enough of it', () => {
    expect(secondsLeft({ started_at }, { percent: 25 }, 100, after(10))).toBe(30);
  });

  it('follows from experience before that, and is never negative', () => {
    expect(secondsLeft({ started_at }, { percent: 2 }, 30, after(10))).toBe(20);
    expect(secondsLeft({ started_at }, undefined, 5, after(10))).toBe(0);
  });

  it('is not called almost done because it should have been: a job that takes longer tells by its percents', () => {
    expect(secondsLeft({ started_at }, { percent: 2 }, 5, after(10))).toBe(490);
    expect(secondsLeft({ started_at }, { percent: 2, eta_seconds: 0 }, 5, after(10))).toBe(490);
    expect(secondsLeft({ started_at }, { percent: 95, eta_seconds: 0 }, 5, after(10))).toBe(0);
  });

  it('is unknown when there is nothing to go by', () => {
    expect(secondsLeft({ started_at }, undefined, 0, after(10))).toBeNull();
    expect(secondsLeft({ started_at: '' }, { percent: 50 }, 10, after(10))).toBeNull();
    expect(secondsLeft({ started_at }, { percent: 50 }, 10, after(-5))).toBeNull();
  });
});

it('is said in whole seconds', () => {
  expect(timeLeft(1.9)).toBe('2 s left');
  expect(timeLeft(75)).toBe('1 min 15 s left');
  expect(timeLeft(0.4)).toBe('almost done');
});
