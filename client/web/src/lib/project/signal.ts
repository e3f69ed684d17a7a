// The smallest bridge between Yjs events and Svelte: something that can be read reactively and be said to have changed.
import { createSubscriber } from 'svelte/reactivity';

export class Signal {
  #notify: (() => void) | undefined;
  readonly #subscribe = createSubscriber((update) => {
    this.#notify = update;
    return () => {
      this.#notify = undefined;
    };
  });

  /** Call in a getter: whoever reads it in an effect runs again after `changed`. */
  read(): void {
    this.#subscribe();
  }

  changed(): void {
    this.#notify?.();
  }
}

/** One signal per key, so that a change of one node wakes only those who look at that node. */
export class SignalMap {
  readonly #signals = new Map<string, Signal>();

  read(key: string): void {
    let signal = this.#signals.get(key);
    if (!signal) this.#signals.set(key, (signal = new Signal()));
    signal.read();
  }

  changed(key: string): void {
    this.#signals.get(key)?.changed();
  }
}
