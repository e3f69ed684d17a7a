// The kinds of creative documents in words, and a free title for the next one.
import Clapperboard from '@lucide/svelte/icons/clapperboard';
import FileText from '@lucide/svelte/icons/file-text';
import HeartPulse from '@lucide/svelte/icons/heart-pulse';
import List from '@lucide/svelte/icons/list';
import type { Choice } from '$lib/ui/choice';
import type { Script, ScriptKind } from './rest';

export const SCRIPT_KINDS: readonly Choice<ScriptKind>[] = [
  {
    value: 'treatment',
    label: 'Treatment',
    detail: 'The story in prose: what happens and how it feels',
    icon: FileText
  },
  {
    value: 'screenplay',
    label: 'Screenplay',
    detail: 'Scenes and dialogue as plain text, in Fountain',
    icon: Clapperboard
  },
  {
    value: 'beat-sheet',
    label: 'Beat sheet',
    detail: 'The turns of the story and what they do to people',
    icon: HeartPulse
  },
  { value: 'shot-list', label: 'Shot list', detail: 'Every shot with size, lens and movement', icon: List }
];

export function kindLabel(kind: ScriptKind): string {
  return SCRIPT_KINDS.find((choice) => choice.value === kind)?.label ?? kind;
}

export function kindIcon(kind: ScriptKind) {
  return SCRIPT_KINDS.find((choice) => choice.value === kind)?.icon ?? FileText;
}

/** "Treatment", or "Treatment 2" where there is one already. */
export function freeTitle(kind: ScriptKind, taken: readonly Pick<Script, 'title'>[]): string {
  const label = kindLabel(kind);
  const titles = new Set(taken.map(({ title }) => title.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const title = number === 1 ? label : `${label} ${number}`;
    if (!titles.has(title.toLowerCase())) return title;
  }
}
