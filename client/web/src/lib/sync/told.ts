// What the server says through its own presence: that something of the project is worth asking for again.
import type { Awareness } from 'y-protocols/awareness';

export type Told = 'files' | 'manifest';

/** Another word after every change; empty while the server has said nothing. */
export function toldVersion(awareness: Awareness, what: Told): string {
  for (const { user, [what]: said } of awareness.getStates().values()) {
    const version = (said as { version?: unknown } | undefined)?.version;
    if (user === undefined && typeof version === 'string') return version;
  }
  return '';
}

/** Calls when it is another than before; returns how to stop. */
export function onTold(awareness: Awareness, what: Told, changed: () => void): () => void {
  let before = toldVersion(awareness, what);
  const listen = () => {
    const now = toldVersion(awareness, what);
    if (now === before) return;
    before = now;
    changed();
  };
  awareness.on('change', listen);
  return () => awareness.off('change', listen);
}
