// A value that this browser keeps between visits.

const PREFIX = 'workprint.';

/** Reactive; falls back to `initial` when nothing was kept or storage is not allowed. */
export function remembered<Value>(name: string, initial: Value): { value: Value } {
  let current = $state.raw(read(name, initial));
  return {
    get value() {
      return current;
    },
    set value(next: Value) {
      current = next;
      write(name, next);
    }
  };
}

function read<Value>(name: string, initial: Value): Value {
  try {
    const kept = localStorage.getItem(PREFIX + name);
    return kept === null ? initial : (JSON.parse(kept) as Value);
  } catch {
    return initial;
  }
}

function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows may forbid storage; the value then lives as long as the page.
  }
}
