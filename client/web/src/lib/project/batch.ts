// Asking for takes of several shots at once: of which it can be done now, and for how much.
import { count } from '../ui/format';
import { generate, generateTogether } from './commands';
import { formatPrice } from './generating';
import type { Project } from './project.svelte';

export type Batch = {
  /** The shots that can be generated and are not waiting for a take already. */
  shots: string[];
  priceUsd: number;
  /** Why there is none; empty when there is one. */
  blocked: string;
};

type Source = Pick<Project, 'node' | 'stateOf' | 'planFor'>;

export function batchOf(project: Source, ids: readonly string[]): Batch {
  const all = ids.filter((id) => project.node(id)?.type === 'shot');
  const idle = all.filter((id) => !['asked', 'generating'].includes(project.stateOf(id)));
  const shots = idle.filter((id) => !project.planFor(id).blocked);
  return {
    shots,
    priceUsd: shots.reduce((sum, id) => sum + project.planFor(id).priceUsd, 0),
    blocked: shots.length > 0 ? '' : whyNone(project, all, idle)
  };
}

/** "Generate 3 takes - $0.15". */
export function generateLabel(takes: number, priceUsd: number): string {
  return `Generate ${count(takes, 'take')} - ${formatPrice(priceUsd)}`;
}

/**
 * Asks for takes of those of the shots where that can be done. Of several, those that have an equal take already get
 * that one; with `fresh` each gets a new one.
 */
export function generateBatch(project: Project, ids: readonly string[], fresh = false): void {
  const [first, ...more] = batchOf(project, ids).shots;
  if (first === undefined) return;
  if (more.length === 0) generate(project, first, fresh);
  else generateTogether(project, [first, ...more], fresh);
}

function whyNone(project: Source, all: string[], idle: string[]): string {
  if (all.length === 0) return 'Select a shot first';
  const first = idle[0];
  return first === undefined ? 'Under way already' : project.planFor(first).blocked;
}
