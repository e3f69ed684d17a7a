// Whether a shot can be generated now, on what, and for how much; the server judges again when it is asked.
import type { PipelineInfo, PipelineParam, PipelineTier } from '../api';
import type { Gate, Tier } from '../schema/generated';
import { money } from '../ui/format';

export type Plan = {
  pipeline: PipelineInfo | undefined;
  tier: Tier;
  priceUsd: number;
  /** Why it cannot be generated and who or what changes that; empty when it can. */
  blocked: string;
  /** The part of it that is about what the farm could run when the project was opened; the server knows today's. */
  unavailable: string;
  /** A remark that blocks nothing. */
  note: string;
};

export type PlanInput = {
  /** What is written in the pipeline node that is joined; undefined when none is. */
  pipelineName: string | undefined;
  pipelines: readonly PipelineInfo[];
  gates: readonly Gate[];
  tier: Tier;
  /** Why this person may not ask for a take of it; empty when they may. */
  forbidden: string;
  online: boolean;
  /** Whether takes wait in line for a node that is not connected; else they are refused. */
  waits: boolean;
};

export function plan(input: PlanInput): Plan {
  const pipeline = findPipeline(input.pipelines, input.pipelineName);
  const waits = input.waits && !pipeline?.unavailable;
  const unavailable = pipeline && !waits ? whyUnavailable(pipeline, input.tier) : '';
  return {
    pipeline,
    tier: input.tier,
    priceUsd: pipeline?.price_usd ?? 0,
    blocked: whyBlocked(input, pipeline) || unavailable,
    unavailable,
    note: input.online ? '' : 'It will be asked for when you are back online.'
  };
}

/** A pipeline by `id`, `id:version` or UUID, as nodes name it. */
export function findPipeline(
  pipelines: readonly PipelineInfo[],
  name: string | undefined
): PipelineInfo | undefined {
  const id = name?.split(':', 1)[0];
  return (
    pipelines.find((pipeline) => pipeline.id === id) ??
    (name ? pipelines.find((pipeline) => pipeline.uuid === name) : undefined)
  );
}

/** The parameters an artist sets on the shot; the palette comes from the style that is joined. */
export function shotParams(pipeline: PipelineInfo | undefined): PipelineParam[] {
  return pipeline?.params.filter((param) => param.type !== 'palette' && param.name !== 'seed') ?? [];
}

export function tierOf(pipeline: PipelineInfo, tier: Tier): PipelineTier | undefined {
  return pipeline.tiers[tier];
}

/** Whether a pipeline can run at all here, and what it needs when it cannot. */
export function availability(pipeline: PipelineInfo, tier: Tier): { available: boolean; needs: string } {
  const chosen = tierOf(pipeline, tier) ?? Object.values(pipeline.tiers)[0];
  return {
    available: !pipeline.unavailable && (chosen?.available ?? false),
    needs: chosen?.needs ?? 'no tier of it is defined'
  };
}

export type Readiness = {
  /** `waits`: what is asked for now begins when a node comes that can run it. `refused`: it is not even taken. */
  state: 'ready' | 'waits' | 'refused';
  /** What it needs, as a sentence for the artist; empty when it is ready. */
  words: string;
  /** What the node that comes nearest lacks; empty when it is ready or nothing comes near. */
  nearest: string;
};

/** How a pipeline stands here; `waits`: whether takes wait in line for a node that is not connected. */
export function readiness(pipeline: PipelineInfo, tier: Tier, waits: boolean): Readiness {
  const { available, needs } = availability(pipeline, tier);
  if (available) return { state: 'ready', words: '', nearest: '' };
  if (pipeline.unavailable) return { state: 'refused', words: `It ${pipeline.unavailable}.`, nearest: '' };
  const lacks = tierOf(pipeline, tier)?.lacks;
  const nearest = lacks ? `Nearest: ${lacks}` : '';
  if (!waits) return { state: 'refused', words: `Needs ${needs}.`, nearest };
  const node = /^an? /.test(needs) ? needs : `a node with ${needs}`;
  return { state: 'waits', words: `Waits for ${node}; none is connected.`, nearest };
}

/** "generate-video" to "Generate video"; what is not told is a still. */
export function taskLabel(pipeline: PipelineInfo): string {
  return choiceLabel(pipeline.task ?? 'generate-image');
}

/** "$0.05 / second"; without the unit where a job or an image is what one gets anyway. */
export function priceLabel(pipeline: PipelineInfo): string {
  if (pipeline.unavailable) return '';
  const price = formatPrice(pipeline.price_usd);
  return pipeline.price_unit === 'second' && pipeline.price_usd > 0 ? `${price} / s` : price;
}

/** Pipelines by what they are for, those that can run here first; `typed` finds words of name, purpose and task. */
export function grouped(
  pipelines: readonly PipelineInfo[],
  tier: Tier,
  typed: string
): { task: string; pipelines: PipelineInfo[] }[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, PipelineInfo[]>();
  for (const pipeline of pipelines) {
    const text = [pipeline.id, pipeline.label, pipeline.summary, taskLabel(pipeline)].join(' ').toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const task = taskLabel(pipeline);
    groups.set(task, [...(groups.get(task) ?? []), pipeline]);
  }
  const rank = (pipeline: PipelineInfo) =>
    availability(pipeline, tier).available ? 0 : pipeline.unavailable ? 2 : 1;
  return [...groups]
    .map(([task, members]) => ({
      task,
      best: Math.min(...members.map(rank)),
      pipelines: members.sort((a, b) => rank(a) - rank(b) || a.label.localeCompare(b.label))
    }))
    .sort((a, b) => a.best - b.best || a.task.localeCompare(b.task));
}

/** "neon-night" to "Neon night". */
export function choiceLabel(choice: string): string {
  const words = choice.replaceAll(/[-_]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "2.39:1" to 2.39; 16:9 when it says nothing sensible. */
export function readRatio(text: string): number {
  const [width, height] = text.split(':').map(Number);
  const ratio = (width ?? NaN) / (height ?? NaN);
  return Number.isFinite(ratio) && ratio > 0.2 && ratio < 5 ? ratio : 16 / 9;
}

/** "$0.05", "free". */
export function formatPrice(usd: number): string {
  return usd === 0 ? 'free' : money(usd);
}

function whyBlocked(input: PlanInput, pipeline: PipelineInfo | undefined): string {
  if (input.forbidden) return input.forbidden;
  const gate = input.gates.find((candidate) => !candidate.holds);
  if (gate)
    return gate.who_can_lift ? `${gate.message}. Can be lifted by ${gate.who_can_lift}.` : gate.message;
  if (input.pipelineName === undefined) return 'Join a Pipeline node to choose what renders this shot.';
  if (!pipeline) return `The pipeline “${input.pipelineName}” is not installed on this server.`;
  return '';
}

function whyUnavailable(pipeline: PipelineInfo, tier: Tier): string {
  if (pipeline.unavailable) return `${pipeline.label} cannot run: it ${pipeline.unavailable}.`;
  const { available, needs } = availability(pipeline, tier);
  return available ? '' : `${pipeline.label} cannot run at tier ${tier} now: it needs ${needs}.`;
}
