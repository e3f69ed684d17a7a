// What the server says of its disk, through its own presence.
import type { Awareness } from 'y-protocols/awareness';

/** Whether the server cannot write its disk. Its own state is the one without a user. */
export function diskFails(awareness: Awareness): boolean {
  return [...awareness.getStates().values()].some(
    ({ user, disk }) => user === undefined && (disk as { failing?: unknown } | undefined)?.failing === true
  );
}
