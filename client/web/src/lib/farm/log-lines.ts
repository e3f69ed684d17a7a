// The words of an attempt as lines: cut from a stream, with their time of day, and searched.

/** Cuts a stream of text into whole lines; what has no end yet waits for it. */
export class Lines {
  #rest = '';

  take(text: string): string[] {
    const parts = (this.#rest + text).split(/\r?\n/);
    this.#rest = parts.pop() ?? '';
    return parts;
  }

  /** What stood at the end without a line break. */
  end(): string[] {
    const rest = this.#rest;
    this.#rest = '';
    return rest ? [rest] : [];
  }
}

/** How long the moment is that farm nodes write before each line, in UTC: "2026-11-20T19:09:57.015Z". */
export const STAMP_CHARS = 24;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

/** A line with its time of day here; what has no moment before it has no time. */
export function stamped(line: string): { time: string; words: string } {
  if (!STAMP.test(line)) return { time: '', words: line };
  const at = new Date(line.slice(0, STAMP_CHARS));
  const [hours, minutes, whole] = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two);
  return {
    time: `${hours}:${minutes}:${whole}${line.slice(STAMP_CHARS - 5, STAMP_CHARS - 1)}`,
    words: line.slice(STAMP_CHARS + 1)
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** The numbers of the lines in which a text stands, whatever the case. */
export function found(lines: readonly string[], text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return lines.flatMap((line, index) => (line.toLowerCase().includes(wanted) ? [index] : []));
}
