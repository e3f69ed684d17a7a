// What REST said last time, so that a project can be opened while the server is away.
import { ApiError } from '../errors';

/** The fresh answer, or the last known one when the server cannot be reached. */
export async function remembered<T>(key: string, fetchFresh: () => Promise<T>): Promise<T> {
  const name = `workprint/${key}`;
  try {
    const value = await fetchFresh();
    keep(name, value);
    return value;
  } catch (error) {
    const kept = error instanceof ApiError && error.isTemporary ? recall<T>(name) : undefined;
    if (kept === undefined) throw error;
    return kept;
  }
}

function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A full or forbidden storage only costs the offline start.
  }
}

function recall<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(name);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}
