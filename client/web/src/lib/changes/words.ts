// What happened, in words: from the machine's names of fields, actions and documents.
import { NODE_SPECS, type NodeType } from '$lib/schema/generated';
import type { Blame, By, Change } from './rest';

const FIELDS: Record<string, string> = {
  title: 'name',
  position: 'place',
  starred: 'stars',
  seed_mode: 'seed',
  lens_mm: 'lens',
  params: 'parameters'
};

/** "prompt", "active take", "lens": a field as people call it. */
export function fieldWords(field: string): string {
  const leaf = field.split('.').at(-1) ?? field;
  return FIELDS[leaf] ?? leaf.replaceAll('_', ' ').toLowerCase();
}

const DOCUMENTS: Record<string, string> = {
  canvas: 'Canvas',
  styles: 'Styles',
  annotations: 'Review notes',
  library: 'Library',
  production: 'Production',
  script: 'Script'
};

/** "Canvas", "Script: treatment". */
export function documentWords(name: string): string {
  const [kind = '', part] = name.split('/', 2);
  const word = DOCUMENTS[kind] ?? kind;
  return kind === 'script' && part ? `${word}: ${part.replaceAll('_', ' ')}` : word;
}

/** What a record is, e.g. "shot"; "" when it has no word of its own. */
export function typeWords(type: string): string {
  const spec = NODE_SPECS[type as NodeType] as { label: string } | undefined;
  return (spec?.label ?? type).replaceAll('_', ' ').toLowerCase();
}

/** What was done to an edge: it is joined and taken off, not added and removed. */
const EDGES: Record<Change['change'], string> = { added: 'joined', changed: 'moved', removed: 'took off' };

/** "changed prompt and lens of", "moved", "removed": what stands before the name of the record. */
export function changeWords({ change, fields, type }: Pick<Change, 'change' | 'fields' | 'type'>): string {
  if (type === 'edge') return EDGES[change];
  if (change !== 'changed') return change;
  const words = [...new Set(fields.map(fieldWords))];
  if (words.length === 0) return 'changed';
  if (words.length === 1 && words[0] === 'place') return 'moved';
  const shown = words.length > 3 ? [...words.slice(0, 2), `${words.length - 2} more`] : words;
  return `changed ${listed(shown)} of`;
}

/** "a", "a and b", "a, b and c". */
function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}

/** Everybody once, by name: a person of the first list is called what they are called there. */
export function personsOf(members: readonly By[], others: readonly By[]): { value: string; label: string }[] {
  const names = new Map([...others, ...members].map(({ id, name }) => [id, name]));
  return [...names]
    .map(([value, label]) => ({ value, label }))
    .toSorted((a, b) => a.label.localeCompare(b.label));
}

export interface FieldChange {
  field: string;
  by: By;
  at: string;
}

/** Every field of a blame, the newest change first. */
export function byAge(blame: Blame): FieldChange[] {
  return Object.entries(blame)
    .map(([field, change]) => ({ field, ...change }))
    .toSorted((a, b) => b.at.localeCompare(a.at));
}

/** The newest change of a node in a line: "Prompt: Ana"; "Added: Ana" while nothing of it was changed since. */
export function lastWords(changes: readonly FieldChange[]): string {
  const [last] = changes;
  if (!last) return '';
  const asAdded = changes.length > 1 && changes.every(({ at }) => at === last.at);
  return `${asAdded ? 'Added' : capital(fieldWords(last.field))}: ${last.by.name}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Entries under the day they happened on: "Today", "Yesterday", "Monday 2 March". */
export function byDay<Entry extends { at: string }>(
  entries: readonly Entry[],
  now: Date
): { day: string; entries: Entry[] }[] {
  const days: { day: string; entries: Entry[] }[] = [];
  for (const entry of entries) {
    const day = dayWords(new Date(entry.at), now);
    const last = days.at(-1);
    if (last?.day === day) last.entries.push(entry);
    else days.push({ day, entries: [entry] });
  }
  return days;
}

function dayWords(at: Date, now: Date): string {
  if (at.toDateString() === now.toDateString()) return 'Today';
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (at.toDateString() === yesterday.toDateString()) return 'Yesterday';
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
  return at.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', ...year });
}

/** "14:05". */
export function clockTime(iso: string): string {
  return new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}
