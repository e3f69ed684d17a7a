// The order of a queue while somebody changes it: pure moves, and what the server is told of one.

export interface Move {
  job: string;
  /** The job that it goes before; empty for the end. */
  before: string;
}

/** Moves one entry of a list to another place; null when it stays where it is. */
export function moveTo(ids: readonly string[], job: string, to: number): Move | null {
  const from = ids.indexOf(job);
  const place = Math.max(0, Math.min(ids.length - 1, to));
  if (from < 0 || from === place) return null;
  const others = ids.filter((id) => id !== job);
  return { job, before: others[place] ?? '' };
}

/** The list after a move. */
export function moved<Entry extends { id: string }>(entries: readonly Entry[], move: Move): Entry[] {
  const one = entries.find(({ id }) => id === move.job);
  if (!one) return [...entries];
  const others = entries.filter(({ id }) => id !== move.job);
  const at = others.findIndex(({ id }) => id === move.before);
  return at < 0 ? [...others, one] : [...others.slice(0, at), one, ...others.slice(at)];
}

/** Where an entry lands that is let go over another: in the upper half before it, in the lower half after it. */
export function dropPlace(from: number, over: number, isLowerHalf: boolean): number {
  const gap = over + (isLowerHalf ? 1 : 0);
  return gap > from ? gap - 1 : gap;
}

/** Which rows of a long list are drawn: those in view and a few around them. */
export function windowOf(
  rows: number,
  rowPx: number,
  scrollTop: number,
  viewPx: number,
  around = 8
): { first: number; last: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowPx) - around);
  const last = Math.min(rows, Math.ceil((scrollTop + viewPx) / rowPx) + around);
  return { first: Math.min(first, last), last };
}
