// What a number field does with what was typed and with the arrow keys.

export interface Range {
  min?: number;
  max?: number;
  step?: number;
  integer?: boolean;
}

/** The number somebody meant, inside the range; null for an empty field, undefined when it is no number. */
export function parseNumber(text: string, range: Range = {}): number | null | undefined {
  const clean = text.replace(/[\s,$€_]/g, '');
  if (clean === '') return null;
  const value = Number(clean);
  return Number.isFinite(value) ? clamp(value, range) : undefined;
}

/** One press of an arrow key: a step, ten with Shift. */
export function nudge(value: number, direction: 1 | -1, range: Range, tenfold: boolean): number {
  const step = (range.step ?? 1) * (tenfold ? 10 : 1);
  const digits = (String(range.step ?? 1).split('.')[1] ?? '').length;
  return clamp(Number((value + direction * step).toFixed(digits + 2)), range);
}

function clamp(value: number, { min = -Infinity, max = Infinity, integer = false }: Range): number {
  const inside = Math.min(max, Math.max(min, value));
  return integer ? Math.round(inside) : inside;
}
