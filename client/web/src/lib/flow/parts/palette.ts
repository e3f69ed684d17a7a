// Pure edits of a palette: an ordered list of sRGB hex colours.

export const MAX_SWATCHES = 12;

/** The list with one colour moved to another place. */
export function moved(palette: readonly string[], from: number, to: number): string[] {
  const next = [...palette];
  const [colour] = next.splice(from, 1);
  if (colour !== undefined) next.splice(Math.max(0, Math.min(to, next.length)), 0, colour);
  return next;
}

export function replaced(palette: readonly string[], at: number, colour: string): string[] {
  return palette.map((old, i) => (i === at ? colour.toLowerCase() : old));
}

export function removed(palette: readonly string[], at: number): string[] {
  return palette.filter((_, i) => i !== at);
}

/** Only what is a colour; a document may hold anything. */
export function readPalette(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter((colour): colour is string => typeof colour === 'string' && /^#[0-9a-f]{6}$/i.test(colour))
    .slice(0, MAX_SWATCHES);
}
