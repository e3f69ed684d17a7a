// What was put back, in words: which place, and what stood and stands there.
import type { PutBack } from '../project/not-kept.svelte';

type Named = { node(id: string): { title: string } | undefined };

const FIELDS: Record<string, string> = {
  title: 'name',
  position: 'place',
  shot: 'number',
  active_take: 'active take',
  stars: 'stars',
  deleted: 'being there',
  prompt: 'prompt',
  negative_prompt: 'negative prompt',
  seed_mode: 'seed',
  context: 'style in words'
};

/** "Prompt of “Rooftop”", "A link into “Rooftop”". */
export function placeOf(edit: PutBack, project: Named): string {
  const { root, field, record, title, values } = edit;
  if (root === 'edges') {
    const edge = (values?.proposed ?? values?.kept ?? {}) as { target?: string };
    return `A link into “${project.node(edge.target ?? '')?.title ?? 'a node'}”`;
  }
  const name = `“${project.node(record)?.title ?? (title || 'a node')}”`;
  if (field === 'deleted') return `Deleting ${name}`;
  if (!field) return name;
  return `${upper(FIELDS[field] ?? field.replaceAll('_', ' '))} of ${name}`;
}

/** "Not kept: this shot is locked by Ana. An admin or the owner of this project can unlock it." */
export function whyNotKept({ message, lift, rule }: PutBack): string {
  const why = message.trim().replace(/[.\s]+$/, '');
  const told = `Not kept: ${why.charAt(0).toLowerCase()}${why.slice(1)}.`;
  if (!lift) return told;
  return `${told} ${upper(lift)} can ${rule.endsWith('_lock') ? 'unlock it' : 'help'}.`;
}

/** A value as people read it; several lines where it has several parts. */
export function shown(value: unknown, field: string): string {
  if (value === null || value === undefined || value === '') return 'Nothing';
  if (field === 'deleted') return value === true ? 'Deleted' : 'There';
  if (typeof value === 'boolean') return value ? 'On' : 'Off';
  if (Array.isArray(value)) return value.map(String).join(', ');
  if (typeof value === 'object') return parts(value as Record<string, unknown>);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function parts(value: Record<string, unknown>): string {
  const { x, y, source, target } = value;
  if (typeof x === 'number' && typeof y === 'number') return `${Math.round(x)}, ${Math.round(y)}`;
  if (typeof source === 'string' && typeof target === 'string') return 'Joined';
  const lines = Object.entries(value)
    .filter(([name]) => !['type', 'deleted'].includes(name))
    .filter(([, inner]) => inner !== '' && inner !== null && JSON.stringify(inner) !== '{}')
    .map(([name, inner]) => `${name.replaceAll('_', ' ')}: ${shown(inner, name).replaceAll('\n', ', ')}`);
  return lines.length > 0 ? lines.join('\n') : 'Nothing';
}

function upper(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
