// Forks in the words that people read: names that are none, what a merge means, what the server tells of them.
import { summaryOf, type RecordDifference } from '$lib/history/diff';
import { ID_PATTERN } from '$lib/schema/generated';
import { count } from '$lib/ui/format';
import type { Merged } from './rest';

const LONGEST = 64;
const NAME = new RegExp(`^${ID_PATTERN}$`);
const NOT_IN_NAMES = /[^A-Za-z0-9_-]/u;
export const NAME_RULE =
  'Letters a to z, digits, - and _; it becomes part of an address. A name is given once.';

/** What was typed as a name: spaces become hyphens. */
export function nameFrom(typed: string): string {
  return typed.trim().replaceAll(/\s+/gu, '-');
}

/** Why a fork cannot have that name; empty when it can, and while there is none yet. */
export function whyNotName(name: string, used: ReadonlySet<string>, open: readonly string[]): string {
  if (name === '') return '';
  const odd = NOT_IN_NAMES.exec(name)?.[0];
  if (odd) return `“${odd}” cannot stand in a name. Use letters a to z, digits, - and _.`;
  if (!NAME.test(name)) return `That is ${name.length} characters; a name has at most ${LONGEST}.`;
  if (open.includes(name)) return 'There is a fork of that name already. Choose another one.';
  if (used.has(name))
    return 'There was a fork of that name, and a name is never given twice. Choose another one.';
  return '';
}

/** "3 changes", "Nothing to merge". */
export function aheadWords(ahead: number): string {
  return ahead === 0 ? 'Nothing to merge' : count(ahead, 'change');
}

/** "2 changed, 1 added"; "" when merging would change nothing. */
export function differenceWords(records: readonly RecordDifference[], leftOut = 0): string {
  const told = summaryOf({
    records: [...records],
    left_out: leftOut,
    takes: { added: [], removed: [], active: [] }
  });
  return leftOut > 0 ? `${told}, and ${leftOut} more` : told;
}

/** What throwing a fork away means, before it is done; `ahead` is undefined while that is not known. */
export function goneWords(ahead: number | undefined): string {
  const lost =
    ahead === undefined
      ? 'What was tried in it and is not on the canvas goes with it.'
      : ahead === 0
        ? 'There is nothing in it that could still be merged.'
        : `${count(ahead, 'change')} that ${ahead === 1 ? 'is' : 'are'} not on the canvas ${ahead === 1 ? 'goes' : 'go'} with it.`;
  return `${lost} Whoever is in it is led back to the canvas. This cannot be undone, and its name is not given again.`;
}

/** What became of a merge, as a title and a line below it. */
export function mergedWords(name: string, { merged, refused }: Merged): { title: string; detail: string } {
  if (merged === 0)
    return {
      title: `Nothing of “${name}” was merged`,
      detail: refused.length > 0 ? 'All of it was refused.' : 'The canvas had all of it already.'
    };
  const kept = refused.length > 0 ? ` ${count(refused.length, 'change was', 'changes were')} refused.` : '';
  return {
    title: `You merged “${name}” into the canvas`,
    detail: `${count(merged, 'thing is', 'things are')} as in the fork, for everybody.${kept} What stood before is in the versions.`
  };
}

/** What the server tells everybody when somebody has merged a fork or thrown it away. */
export type ForkNotice = {
  type: 'merged' | 'fork_deleted';
  id: string;
  by: { id: string; name: string };
  fork: string;
  records: number;
};

/** The notice in a stateless message; undefined when it is about something else or cannot be read. */
export function readForkNotice(payload: string): ForkNotice | undefined {
  try {
    const { type, id, by, fork, records } = JSON.parse(payload) as Record<string, unknown>;
    if ((type !== 'merged' && type !== 'fork_deleted') || typeof id !== 'string' || typeof fork !== 'string')
      return undefined;
    const who = by as { id?: unknown; name?: unknown } | undefined;
    return {
      type,
      id,
      fork,
      by: { id: text(who?.id), name: text(who?.name) || 'Somebody' },
      records: typeof records === 'number' ? records : 0
    };
  } catch {
    return undefined;
  }
}

/** What the others are told of it; `wasIn`: those who were in that fork. */
export function noticeWords(
  { type, by, fork, records }: ForkNotice,
  wasIn = false
): { title: string; detail: string } {
  return type === 'merged'
    ? {
        title: `${by.name} merged the fork “${fork}” into the canvas`,
        detail: `${count(records, 'thing is', 'things are')} as in the fork. What stood before is in the versions.`
      }
    : {
        title: `${by.name} threw the fork “${fork}” away`,
        detail: wasIn ? 'You are back on the canvas.' : 'The canvas is as it was.'
      };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
