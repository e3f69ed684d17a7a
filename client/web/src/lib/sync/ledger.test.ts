import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger';

const change = (n: number) => new Uint8Array([n, n]);

describe('the ledger of unsynced changes', () => {
  it('counts each change until the frame that carried it is confirmed', () => {
    const ledger = new Ledger();
    for (const n of [1, 2]) {
      ledger.changed(change(n));
      ledger.sentUpdate(change(n));
    }
    expect(ledger.unsynced).toBe(2);
    ledger.answered(true);
    expect(ledger.unsynced).toBe(1);
    ledger.answered(true);
    expect(ledger.unsynced).toBe(0);
  });

  it('counts changes made offline, and the exchange after reconnecting settles all of them at once', () => {
    const ledger = new Ledger();
    ledger.changed(change(1));
    ledger.changed(change(2));
    expect(ledger.unsynced).toBe(2);
    ledger.opened();
    ledger.sentEverything();
    expect(ledger.settled).toBe(false);
    ledger.changed(change(3));
    ledger.sentUpdate(change(3));
    ledger.answered(true);
    expect(ledger.unsynced).toBe(1);
    expect(ledger.settled).toBe(true);
  });

  it('never reaches zero on the strength of a confirmation for something else', () => {
    const ledger = new Ledger();
    ledger.changed(change(1));
    ledger.changed(change(2));
    ledger.opened();
    // Frames that were queued while offline go out before the exchange; one confirmation pays for one of them.
    ledger.sentUpdate(change(1));
    ledger.sentUpdate(change(2));
    ledger.answered(true);
    expect(ledger.unsynced).toBe(1);
  });

  it('expects no confirmation from a socket that is gone', () => {
    const ledger = new Ledger();
    ledger.changed(change(1));
    ledger.sentUpdate(change(1));
    ledger.opened();
    ledger.answered(true);
    expect(ledger.unsynced).toBe(1);
  });

  it('includes what an earlier page left behind, until everything has been sent and confirmed', () => {
    const ledger = new Ledger();
    ledger.inherit(3);
    ledger.changed(change(1));
    ledger.sentUpdate(change(1));
    ledger.answered(true);
    expect([ledger.unsynced, ledger.inherited, ledger.own]).toEqual([3, 3, 0]);
    ledger.sentEverything();
    ledger.answered(true);
    expect(ledger.unsynced).toBe(0);
  });

  it('keeps counting a change that was refused', () => {
    const ledger = new Ledger();
    ledger.changed(change(1));
    ledger.sentUpdate(change(1));
    ledger.answered(false);
    expect(ledger.unsynced).toBe(1);
    expect(ledger.refused).toBe(true);
  });

  it('forgets a refusal once everything is taken, because somebody has become an editor', () => {
    const ledger = new Ledger();
    ledger.changed(change(1));
    ledger.sentUpdate(change(1));
    ledger.answered(false);
    ledger.sentEverything();
    ledger.answered(true);
    expect([ledger.refused, ledger.unsynced]).toEqual([false, 0]);
  });

  it('does not take the refusal of an empty exchange for a refused change', () => {
    const ledger = new Ledger();
    ledger.sentEverything();
    ledger.answered(false);
    expect(ledger.refused).toBe(false);
  });
});
