// The brief of a project: what its form holds, what is wrong with it, and what still keeps people from generating.
import type { CreativeContract, Governance, NarrativeStructure, Tier, WhenBusy } from '$lib/schema/generated';
import { ASPECT_RATIOS, MIN_REFERENCES } from '$lib/schema/generated';
import type { Choice } from '$lib/ui/choice';
import { parseRuntime, runtime } from '$lib/ui/format';

export const TIER_CHOICES: Choice<Tier>[] = [
  { value: 'low', label: 'Low', detail: '768 px · 12 GB GPU. Fast, for finding the shot.' },
  { value: 'standard', label: 'Standard', detail: '1024 px · 16 GB GPU. For reviews.' },
  { value: 'high', label: 'High', detail: '2048 px · 24 GB GPU. For the final frame.' }
];

export const WHEN_BUSY_CHOICES: Choice<WhenBusy>[] = [
  {
    value: 'queue',
    label: 'Wait',
    detail:
      'Takes wait in line until a node of that quality is free, or connected at all. They come later, and as good as asked for.'
  },
  {
    value: 'fallback',
    label: 'Use a lower quality',
    detail: 'Takes are made at once on a smaller node, at a lower quality, and say so.'
  }
];

export const STRUCTURE_CHOICES: Choice<NarrativeStructure>[] = [
  { value: 'three-act', label: 'Three acts', detail: 'Setup, confrontation, resolution.' },
  { value: 'hero-journey', label: "Hero's journey", detail: 'A departure, trials and a return.' },
  { value: 'beat-sheet', label: 'Beat sheet', detail: 'Named beats from opening to final image.' },
  { value: 'story-circle', label: 'Story circle', detail: 'Eight steps out and back, changed.' }
];

export const GOVERNANCE_CHOICES: Choice<Governance>[] = [
  {
    value: 'sketch',
    label: 'Sketch',
    detail: 'Only locks, roles and the budget hold. Can become Studio later.'
  },
  { value: 'studio', label: 'Studio', detail: 'Every gate holds, from brief to picture lock. Stays Studio.' }
];

const RATIO_NAMES: Record<string, string> = {
  '16:9': 'HD, streaming',
  '1.85:1': 'flat cinema',
  '2.39:1': 'scope',
  '21:9': 'ultrawide',
  '4:3': 'academy',
  '1:1': 'square',
  '9:16': 'vertical'
};

export const RATIO_CHOICES: Choice[] = ASPECT_RATIOS.map((ratio) => ({
  value: ratio,
  label: RATIO_NAMES[ratio] ? `${ratio} – ${RATIO_NAMES[ratio]}` : ratio
}));

export const FORMATS = ['Short film', 'Trailer', 'Feature', 'Episode', 'Commercial', 'Music video'];

/** A brief while somebody types it. */
export interface BriefForm {
  format: string;
  runtime: string;
  aspectRatio: string;
  budget: number | null;
  notes: string;
}

export const EMPTY_BRIEF: BriefForm = {
  format: '',
  runtime: '',
  aspectRatio: '16:9',
  budget: null,
  notes: ''
};

export function formOf(contract: CreativeContract): BriefForm {
  return {
    format: contract.targetFormat,
    runtime: contract.targetRuntime > 0 ? runtime(contract.targetRuntime) : '',
    aspectRatio: contract.aspectRatio,
    budget: contract.budgetCap,
    notes: contract.styleNotes
  };
}

/** What is sent; the reference pack is not in it, because it grows by uploading. */
export function contractOf(form: BriefForm): Omit<CreativeContract, 'referencePack'> {
  return {
    targetFormat: form.format.trim(),
    targetRuntime: parseRuntime(form.runtime) ?? 0,
    aspectRatio: form.aspectRatio,
    budgetCap: form.budget,
    styleNotes: form.notes.trim()
  };
}

export function runtimeError(text: string): string {
  return text.trim() === '' || parseRuntime(text) !== null
    ? ''
    : 'Write seconds, or minutes and seconds: 90 or 1:30';
}

export function nameError(name: string): string {
  if (name.trim() === '') return 'A project needs a name';
  return name.trim().length > 120 ? 'At most 120 characters' : '';
}

/** What still keeps everybody from generating, as things to do; the server judges by the same rule (G-011). */
export function missingFromBrief(
  budget: number | null,
  references: number,
  governance: Governance
): string[] {
  const missing: string[] = [];
  if (budget === null) missing.push('set a budget cap');
  const more = MIN_REFERENCES - references;
  const some = references > 0 ? `${more} more` : String(more);
  if (governance === 'studio' && more > 0)
    missing.push(`add ${some} reference image${more === 1 ? '' : 's'}`);
  return missing;
}
