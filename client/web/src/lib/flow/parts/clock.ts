// One clock for everything that shows elapsed time; it ticks only while somebody looks.
import { createSubscriber } from 'svelte/reactivity';

const TICK_MS = 1_000;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, TICK_MS);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970, read again every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
