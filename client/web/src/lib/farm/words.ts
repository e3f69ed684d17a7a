// The farm in words: what a node is, can and lacks, how an attempt ended, and what a queue is for.
import type { FarmJob, FarmNodeShown } from '$lib/schema/generated';
import { count, duration } from '$lib/ui/format';

/** A node that was not heard of for so long is about to be taken for lost. */
export const SILENT_SECONDS = 25;

const EXITS: Record<string, string> = {
  finished: 'Finished',
  failed: 'Failed',
  transient: 'Failed for the moment',
  oom: 'Ran out of GPU memory',
  timeout: 'Took too long',
  cancelled: 'Cancelled',
  'node lost': 'The node went silent',
  stopped: 'The node was stopped',
  late: 'Came too late'
};

const QUEUES: Record<string, string> = {
  high: 'High',
  style_high: 'Style high',
  standard: 'Standard',
  style_standard: 'Style standard',
  low: 'Low',
  style_low: 'Style low',
  cpu: 'CPU'
};

/** "Ran out of GPU memory"; "Running" while the attempt has not ended. */
export function exitWords(exit: string, ended: boolean): string {
  if (exit) return EXITS[exit] ?? exit;
  return ended ? 'Ended' : 'Running';
}

export function queueLabel(queue: string): string {
  return QUEUES[queue] ?? queue;
}

export interface Vram {
  totalGb: number;
  usedGb: number;
  percent: number;
  /** "9.2 of 24 GB". */
  text: string;
}

/** What of a node's GPU memory is taken; null where there is no GPU. */
export function vramOf({ vram_gb, vram_free_gb }: FarmNodeShown): Vram | null {
  if (vram_gb <= 0) return null;
  const usedGb = Math.min(vram_gb, Math.max(0, vram_gb - vram_free_gb));
  return {
    totalGb: vram_gb,
    usedGb,
    percent: (usedGb / vram_gb) * 100,
    text: `${gigabytes(usedGb)} of ${gigabytes(vram_gb)} GB`
  };
}

/** "heard 3 s ago". */
export function heardOf(
  node: Pick<FarmNodeShown, 'seen_at'>,
  now: number
): { text: string; isSilent: boolean } {
  const age = (now - Date.parse(node.seen_at)) / 1000;
  if (!Number.isFinite(age)) return { text: 'never heard', isSilent: true };
  return {
    text: age < 2 ? 'heard now' : `heard ${duration(Math.round(age))} ago`,
    isSilent: age > SILENT_SECONDS
  };
}

export interface Ability {
  pipeline: string;
  tiers: string[];
  /** What is missing; empty where it can run. */
  missing: string;
}

/** "previz-image@low" and "previz-image@high" together as one pipeline. */
export function abilities(can: readonly string[]): Ability[] {
  return grouped(can.map((name) => [name, ''] as const));
}

export function inabilities(lacks: Readonly<Record<string, string>>): Ability[] {
  return grouped(Object.entries(lacks));
}

/** "Can run 12 pipelines, not 3". */
export function abilitySummary(node: Pick<FarmNodeShown, 'can' | 'lacks'>): string {
  const able = abilities(node.can).length;
  const unable = new Set(inabilities(node.lacks).map(({ pipeline }) => pipeline)).size;
  return `Can run ${count(able, 'pipeline')}${unable > 0 ? `, ${unable} more only in part or not at all` : ''}`;
}

/** What somebody may know of a job: of other people's projects only that there is one. */
export function jobTitle(job: Pick<FarmJob, 'project' | 'title'>): string {
  if (!job.project) return 'Work of a project that you cannot see';
  return job.title || 'A deleted shot';
}

/** "3 jobs before it". */
export function placeWords(position: number): string {
  if (position <= 0) return 'Next in line';
  return `${count(position, 'job')} before it`;
}

function grouped(entries: readonly (readonly [string, string])[]): Ability[] {
  const found = new Map<string, Ability>();
  for (const [name, missing] of entries) {
    const at = name.lastIndexOf('@');
    const pipeline = at < 0 ? name : name.slice(0, at);
    const tier = at < 0 ? '' : name.slice(at + 1);
    const key = `${pipeline}\n${missing}`;
    const one = found.get(key) ?? { pipeline, tiers: [], missing };
    if (tier) one.tiers.push(tier);
    found.set(key, one);
  }
  return [...found.values()].sort((a, b) => a.pipeline.localeCompare(b.pipeline));
}

function gigabytes(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
