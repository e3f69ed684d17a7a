// Asking for takes of several shots at once: of which it can be done now, and for how much.
import { count } from '../ui/format';
import { generate } from './commands';
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

export function generateBatch(project: Project, ids: readonly string[]): void {
  for (const id of batchOf(project, ids).shots) generate(project, id);
}

function whyNone(project: Source, all: string[], idle: string[]): string {
  if (all.length === 0) return 'Select a shot first';
  const first = idle[0];
  return first === undefined ? 'Under way already' : project.planFor(first).blocked;
}
