// The letters and the colour that stand for a person.

export const HUES = 8;

/** "Ada Lovelace" to "AL", "bo" to "BO", "Gil (guest)" to "GI", "" to "?". */
export function initials(name: string): string {
  const words = name
    .replace(/\(.*?\)/g, '')
    .split(/\s+/)
    .filter(Boolean);
  const first = words[0];
  const last = words.at(-1);
  if (!first || !last) return '?';
  const letters = words.length === 1 ? [...first].slice(0, 2) : [[...first][0], [...last][0]];
  return letters.join('').toUpperCase();
}

/** The colour of a person's hue number; any whole number is one of the eight. */
export function hueColour(hue: number): string {
  return `var(--hue-${((Math.trunc(hue) % HUES) + HUES) % HUES})`;
}
