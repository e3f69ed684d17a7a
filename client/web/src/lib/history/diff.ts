// What differs between two versions, as the server tells it, and the words in which it is shown.
import { fieldWords } from '../changes/words';
import { NODE_SPECS, type NodeType } from '../schema/generated';

/** A run of words that stayed, went or came. */
export type Run = ['=' | '-' | '+', string];

export interface FieldDifference {
  /** `prompt`, `parameters.lens_mm`; "" where the record is a single value. */
  name: string;
  from: unknown;
  to: unknown;
  /** Of a text: the same word by word. */
  words?: Run[];
}

export interface RecordDifference {
  document: string;
  root: string;
  id: string;
  title: string;
  /** "shot", "style", "edge" … */
  type: string;
  change: 'added' | 'removed' | 'changed';
  fields: FieldDifference[];
}

export interface TakeTold {
  id: string;
  node: string;
  name: string;
  number: number;
  /** Address of its picture, null when it has none. */
  thumbnail: string | null;
}

export interface Difference {
  records: RecordDifference[];
  /** How many more differ than can be looked at. */
  left_out: number;
  takes: {
    added: TakeTold[];
    removed: TakeTold[];
    active: { node: string; title: string; from: TakeTold | null; to: TakeTold | null }[];
  };
}

/** Not told field by field: it is shown as pictures, or says nothing that a person could read. */
const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['active_take', 'deleted']);

/** The fields of a record that are worth a line; of one that came or went only its words and its pipeline. */
export function fieldsToShow({ change, type, fields }: RecordDifference): FieldDifference[] {
  const told = fields.filter(({ name }) => !SHOWN_ELSEWHERE.has(name));
  if (change === 'changed') return told;
  const spec = NODE_SPECS[type as NodeType] as { texts: string[] } | undefined;
  const words = [...(spec?.texts ?? ['text']), 'pipeline', 'palette'];
  return told.filter(
    (field) => words.includes(field.name) && !isEmpty(change === 'added' ? field.to : field.from)
  );
}

function isEmpty(value: unknown): boolean {
  return (
    value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

/** A text as runs: also one that came or went as a whole. Undefined where it is no text. */
export function runsOf(
  { words, from, to, name }: FieldDifference,
  texts: readonly string[]
): Run[] | undefined {
  if (words) return words;
  if (!texts.includes(name)) return undefined;
  const runs: Run[] = [];
  if (typeof from === 'string' && from !== '') runs.push(['-', from]);
  if (typeof to === 'string' && to !== '') runs.push(['+', to]);
  return runs;
}

/** "2 changed, 1 added, 3 takes made"; "" when nothing is different. */
export function summaryOf({ records, takes }: Difference): string {
  const nodes = records.filter(({ type }) => type !== 'edge');
  const links = records.length - nodes.length;
  const parts = (['changed', 'added', 'removed'] as const).map((change): [number, string] => [
    nodes.filter((record) => record.change === change).length,
    change
  ]);
  parts.push([links, links === 1 ? 'link' : 'links']);
  parts.push([takes.added.length, takes.added.length === 1 ? 'take made' : 'takes made']);
  return parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(', ');
}

/** "Prompt", "Lens", "Place": a field at the head of its line. */
export function fieldHead(name: string): string {
  const words = fieldWords(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
