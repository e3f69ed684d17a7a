// The farm in words: what a node is, can and lacks, how an attempt ended, and what a queue is for.
import type { FarmAbilities, FarmJob, FarmNodeShown, FarmQueue } from '$lib/schema/generated';
import { clock, count, duration } from '$lib/ui/format';

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

/** The card of a node, or why there is memory without one. */
export function gpuWords({ gpu, vram_gb }: Pick<FarmNodeShown, 'gpu' | 'vram_gb'>): string {
  return gpu || (vram_gb > 0 ? 'GPU memory as set' : 'No GPU');
}

/** "test-still failed here too often: none of it until 19:35"; empty when nothing is held back. */
export function blockedWords(blocked: FarmNodeShown['blocked']): string {
  const names = Object.keys(blocked).sort();
  const last = Object.values(blocked).sort().at(-1);
  if (!last) return '';
  return `${names.join(', ')} failed here too often: none of it until ${clock(last)}`;
}

/** Why nothing of a queue can begin now, however long it stands; empty when something can. */
export function whyQueueWaits(queue: FarmQueue, nodes: readonly FarmNodeShown[]): string {
  const serving = nodes.filter((node) => node.queues.includes(queue.queue));
  if (serving.length === 0) return 'No connected node serves this queue. Its jobs wait for one.';
  const ready = serving.filter((node) => node.state === 'ready');
  if (ready.length === 0)
    return 'Every node that serves this queue is paused or draining. Its jobs wait for one that is ready.';
  const names = [...new Set(queue.jobs.map((job) => job.pipeline))].filter(
    (pipeline) => pipeline && ready.every((node) => pipeline in node.blocked)
  );
  return names.length > 0
    ? `Every ready node has failed with ${names.join(', ')} too often. Let one try again, or wait.`
    : '';
}

/** "heard 3 s ago"; `now` is the farm's own, not that of a browser, whose clock may be wrong. */
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

/** The same by what is missing, what would help most first: one thing to do is said once. */
export function shortcomings(lacks: Readonly<Record<string, string>>): { missing: string; of: Ability[] }[] {
  const found = new Map<string, Ability[]>();
  for (const one of inabilities(lacks)) found.set(one.missing, [...(found.get(one.missing) ?? []), one]);
  return [...found].map(([missing, of]) => ({ missing, of })).sort((a, b) => b.of.length - a.of.length);
}

/** "Can run 12 of 30 pipelines". */
export function abilitySummary({ can, lacks }: FarmAbilities): string {
  const able = new Set(abilities(can).map(({ pipeline }) => pipeline));
  const all = new Set([...able, ...inabilities(lacks).map(({ pipeline }) => pipeline)]);
  return all.size > able.size
    ? `Can run ${able.size} of ${count(all.size, 'pipeline')}`
    : `Can run ${count(able.size, 'pipeline')}`;
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
