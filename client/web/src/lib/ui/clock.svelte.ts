// The time of day as something components can read: it ticks only while somebody looks at it.
import { createSubscriber } from 'svelte/reactivity';

class Clock {
  readonly #subscribe: () => void;

  constructor(everyMs: number) {
    this.#subscribe = createSubscriber((update) => {
      const timer = setInterval(update, everyMs);
      return () => clearInterval(timer);
    });
  }

  get now(): Date {
    this.#subscribe();
    return new Date();
  }
}

/** For time left. */
export const seconds = new Clock(1000);
/** For "4 min ago". */
export const halfMinutes = new Clock(30_000);
