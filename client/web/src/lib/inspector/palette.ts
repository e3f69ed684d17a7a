// Palettes are lists of sRGB hex colours.

export const MAX_COLOURS = 12;

/** "#ABC", "abc", "#aabbcc" to "#aabbcc"; "" when it is no colour. */
export function hexColour(text: string): string {
  const digits = text.trim().replace(/^#/, '').toLowerCase();
  if (/^[0-9a-f]{3}$/.test(digits)) return `#${[...digits].map((digit) => digit + digit).join('')}`;
  return /^[0-9a-f]{6}$/.test(digits) ? `#${digits}` : '';
}

export function withColour(palette: readonly string[], index: number, colour: string): string[] {
  return palette.map((old, at) => (at === index ? colour : old));
}

export function withoutColour(palette: readonly string[], index: number): string[] {
  return palette.filter((_, at) => at !== index);
}
