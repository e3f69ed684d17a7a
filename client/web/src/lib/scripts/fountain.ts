// What each line of a screenplay is, by the rules of Fountain's plain text; a line's neighbours decide with it.

export type LineKind =
  | 'title'
  | 'scene'
  | 'character'
  | 'parenthetical'
  | 'dialogue'
  | 'transition'
  | 'section'
  | 'synopsis'
  | 'centred'
  | 'action'
  | 'empty';

const SCENE = /^(int|ext|est|int\.?\/ext|ext\.?\/int|i\/e)(\.|\s)/i;
const TITLE_PAGE = /^(title|credit|authors?|source|draft date|date|contact|copyright|notes|revision):/i;
const TRANSITION = /^[^a-z]*TO:$/;
/** A name may be followed by a remark in brackets, which may be written small. */
const CHARACTER = /^[^a-z(]*[A-Z][^a-z(]*(\(.*\))?\s*\^?$/;

/** One kind per line. */
export function readFountain(lines: readonly string[]): LineKind[] {
  const kinds: LineKind[] = [];
  for (const [index, raw] of lines.entries())
    kinds.push(kindOf(raw.trim(), kinds[index - 1], lines[index + 1]?.trim() ?? ''));
  return kinds;
}

function kindOf(line: string, before: LineKind | undefined, next: string): LineKind {
  if (!line) return 'empty';
  if (before === undefined || before === 'title')
    if (TITLE_PAGE.test(line) || before === 'title') return 'title';
  const marked = markedKind(line);
  if (marked) return marked;
  const speaking = before === 'character' || before === 'parenthetical' || before === 'dialogue';
  if (speaking) return /^\(.*\)$/.test(line) ? 'parenthetical' : 'dialogue';
  if (before !== undefined && before !== 'empty') return SCENE.test(line) ? 'scene' : 'action';
  if (SCENE.test(line)) return 'scene';
  if (!next && TRANSITION.test(line)) return 'transition';
  return next && CHARACTER.test(line) ? 'character' : 'action';
}

/** What a line says of itself by its first characters. */
function markedKind(line: string): LineKind | undefined {
  if (line.startsWith('#')) return 'section';
  if (/^=(?!==)/.test(line)) return 'synopsis';
  if (/^\.(?!\.)/.test(line)) return 'scene';
  if (line.startsWith('!')) return 'action';
  if (line.startsWith('@')) return 'character';
  if (/^>.*<$/.test(line)) return 'centred';
  return line.startsWith('>') ? 'transition' : undefined;
}

/** Words as an editor counts them: "sister-in-law" and "don't" are one each. */
export function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
}
