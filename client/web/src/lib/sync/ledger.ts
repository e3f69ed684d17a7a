// Counts the local changes that the server has not yet confirmed to be on its disk. Pure bookkeeping, no socket.
//
// HocuspocusProvider has such a count, but it starts again at one with every reconnection and lets any confirmation
// pay for any change, so it can reach zero while changes are still under way; and it knows nothing of what an earlier
// page left in IndexedDB. Here each confirmation settles exactly what the frame it answers carried.

type InFlight = { seqs: number[]; inherited: number; everything: boolean };

export class Ledger {
  #seq = 0;
  /** Changes made on this page, by sequence number, oldest first. */
  readonly #pending = new Map<number, Uint8Array>();
  /** Changes that earlier pages left behind unconfirmed. */
  #inherited: number;
  #inFlight: InFlight[] = [];
  #refused = false;
  #settled = false;

  constructor(inherited = 0) {
    this.#inherited = inherited;
  }

  get unsynced(): number {
    return this.#pending.size + this.#inherited;
  }

  /** Changes made on this page alone. */
  get own(): number {
    return this.#pending.size;
  }

  get inherited(): number {
    return this.#inherited;
  }

  /** Whether the server has refused one of our changes since the socket opened. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Whether the server has confirmed everything we had, at least once since the socket opened. */
  get settled(): boolean {
    return this.#settled;
  }

  inherit(count: number): void {
    this.#inherited += count;
  }

  /** A change was made on this page. */
  changed(update: Uint8Array): void {
    this.#pending.set(++this.#seq, update);
  }

  /** A new socket: nothing that was under way on the old one will be confirmed. */
  opened(): void {
    this.#inFlight = [];
    this.#refused = false;
    this.#settled = false;
  }

  /** One change went out on its own. */
  sentUpdate(update: Uint8Array): void {
    const found = [...this.#pending].find(([, pending]) => sameBytes(pending, update));
    this.#inFlight.push({ seqs: found ? [found[0]] : [], inherited: 0, everything: false });
  }

  /** Everything that the server lacked went out in one frame. */
  sentEverything(): void {
    this.#inFlight.push({ seqs: [...this.#pending.keys()], inherited: this.#inherited, everything: true });
  }

  /** The server answered the oldest unanswered frame: on disk, or refused because we may only read. */
  answered(accepted: boolean): void {
    const frame = this.#inFlight.shift();
    if (!frame) return;
    if (!accepted) {
      this.#refused ||= frame.seqs.length > 0 || frame.inherited > 0;
      return;
    }
    if (frame.everything) {
      this.#settled = true;
      // Also what was refused before is taken now: somebody has become an editor.
      this.#refused = false;
    }
    for (const seq of frame.seqs) this.#pending.delete(seq);
    this.#inherited = Math.max(0, this.#inherited - frame.inherited);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
