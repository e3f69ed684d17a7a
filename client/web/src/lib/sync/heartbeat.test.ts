import { describe, expect, it } from 'vitest';
import { ASK_AFTER_SILENCE_MS, GIVE_UP_AFTER_MS, Heartbeat } from './heartbeat';

function beating() {
  const asked: number[] = [];
  let now = 0;
  const heartbeat = new Heartbeat(() => asked.push(now), now);
  return { heartbeat, asked, at: (time: number) => heartbeat.beat((now = time)) };
}

describe('the heartbeat', () => {
  it('gives a silent server up within fifteen seconds', () => {
    const { asked, at } = beating();
    let lostAt: number | undefined;
    for (let second = 1; second <= 15 && lostAt === undefined; second++)
      if (at(second * 1000)) lostAt = second;
    expect(asked).toHaveLength(1);
    expect(lostAt).toBe((ASK_AFTER_SILENCE_MS + GIVE_UP_AFTER_MS) / 1000);
  });

  it('does not ask a server that talks, nor give up one that answers', () => {
    const { heartbeat, asked, at } = beating();
    for (let second = 1; second <= 60; second++) {
      expect(at(second * 1000)).toBe(false);
      if (second % 3 === 0) heartbeat.heard(second * 1000);
    }
    expect(asked).toEqual([]);
  });

  it('blames no server for the slow timer of a hidden tab', () => {
    const { heartbeat, asked, at } = beating();
    for (let minute = 1; minute <= 5; minute++) {
      expect(at(minute * 60_000)).toBe(false);
      heartbeat.heard(minute * 60_000 + 20);
    }
    expect(asked).toHaveLength(5);
  });
});
