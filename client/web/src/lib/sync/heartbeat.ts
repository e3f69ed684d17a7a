// Notices that the other side has gone silent. Asks before it judges, so that a slow timer in a hidden tab is no fault
// of the server: only a question that stays unanswered counts.

export const ASK_AFTER_SILENCE_MS = 4_000;
export const GIVE_UP_AFTER_MS = 8_000;

export class Heartbeat {
  #heardAt: number;
  #askedAt: number | undefined;
  readonly #ask: () => void;

  constructor(ask: () => void, now: number) {
    this.#ask = ask;
    this.#heardAt = now;
  }

  /** Anything arrived from the server. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#askedAt = undefined;
  }

  /** Asks now, whatever has been heard before (the network has just changed). */
  askNow(now: number): void {
    this.#askedAt = now;
    this.#ask();
  }

  /** To be called about once a second; true when the server must be taken for lost. */
  beat(now: number): boolean {
    if (this.#askedAt !== undefined) return now - this.#askedAt >= GIVE_UP_AFTER_MS;
    if (now - this.#heardAt >= ASK_AFTER_SILENCE_MS) this.askNow(now);
    return false;
  }
}
