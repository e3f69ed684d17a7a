// What can be added to the canvas: every node type, and every pipeline that can run here as a node of its own.
import type { LucideIcon } from '@lucide/svelte';
import { availability } from '../project/generating';
import type { PipelineInfo } from '../api';
import { mayJoin, type Declared } from '../project/sockets';
import { NODE_SPECS, type NodeType, type Tier } from '../schema/generated';
import type { OpenEnd } from './context';
import { NODE_ICONS } from './nodes/icons';

export const NODE_ORDER: NodeType[] = ['shot', 'pipeline', 'style', 'prompt', 'note'];

export type Offer = {
  key: string;
  type: NodeType;
  label: string;
  detail: string;
  icon: LucideIcon;
  fields: Record<string, unknown>;
};

/** The socket of a new node to which an edge in hand can be joined; `declared` by the pipeline at its other end. */
export function socketFor(end: OpenEnd, type: NodeType, declared?: Declared): string | undefined {
  const spec = NODE_SPECS[type];
  return end.side === 'source'
    ? spec.inputs.find((socket) => mayJoin(end.type, end.socket, type, socket.name, declared))?.name
    : spec.outputs.find((socket) => mayJoin(type, socket.name, end.type, end.socket, undefined, declared))
        ?.name;
}

export function offers(
  pipelines: readonly PipelineInfo[],
  tier: Tier,
  end: OpenEnd | null,
  declared?: Declared
): Offer[] {
  const kinds = NODE_ORDER.map((type) => ({
    key: type,
    type,
    label: NODE_SPECS[type].label,
    detail: NODE_SPECS[type].summary,
    icon: NODE_ICONS[type],
    fields: {}
  }));
  const models = pipelines
    .filter((pipeline) => availability(pipeline, tier).available)
    .map((pipeline) => ({
      key: `pipeline ${pipeline.id}`,
      type: 'pipeline' as const,
      label: `Pipeline: ${pipeline.label}`,
      detail: pipeline.summary,
      icon: NODE_ICONS.pipeline,
      fields: { pipeline: pipeline.id, title: pipeline.label }
    }));
  return [...kinds, ...models].filter((offer) => !end || socketFor(end, offer.type, declared) !== undefined);
}

/** Offers whose label holds every typed word at the start of one of its own. */
export function matching(all: readonly Offer[], typed: string): Offer[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((offer) => {
    const parts = offer.label.toLowerCase().split(/[^\p{L}\p{N}]+/u);
    return words.every((word) => parts.some((part) => part.startsWith(word)));
  });
}
