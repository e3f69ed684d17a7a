// What can be added to the canvas: every node type, and every pipeline as a node of its own.
import type { LucideIcon } from '@lucide/svelte';
import { readiness, type Readiness } from '../project/generating';
import type { PipelineInfo } from '../api';
import { mayJoin, type Declared } from '../project/sockets';
import { NODE_SPECS, type NodeType, type Tier } from '../schema/generated';
import type { OpenEnd } from './context';
import { NODE_ICONS } from './nodes/icons';

export const NODE_ORDER: NodeType[] = ['shot', 'pipeline', 'style', 'prompt', 'note'];

const STATES: Readiness['state'][] = ['ready', 'waits', 'refused'];

export type Offer = {
  key: string;
  type: NodeType;
  label: string;
  /** What it is for; of a pipeline that cannot run here now, what it needs. */
  detail: string;
  state: Readiness['state'];
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

/** Whether it can be added: what only waits for a node can, as where a pipeline is chosen. */
export function mayAdd(offer: Offer): boolean {
  return offer.state !== 'refused';
}

/** `waits`: whether takes wait in line for a node that is not connected. What cannot run here now comes last. */
export function offers(
  pipelines: readonly PipelineInfo[],
  tier: Tier,
  waits: boolean,
  end: OpenEnd | null,
  declared?: Declared
): Offer[] {
  const kinds = NODE_ORDER.map((type) => ({
    key: type,
    type,
    label: NODE_SPECS[type].label,
    detail: NODE_SPECS[type].summary,
    state: 'ready' as const,
    icon: NODE_ICONS[type],
    fields: {}
  }));
  const models = pipelines
    .map((pipeline) => {
      const { state, words } = readiness(pipeline, tier, waits);
      return {
        key: `pipeline ${pipeline.id}`,
        type: 'pipeline' as const,
        label: `Pipeline: ${pipeline.label}`,
        detail: words || pipeline.summary,
        state,
        icon: NODE_ICONS.pipeline,
        fields: { pipeline: pipeline.id, title: pipeline.label }
      };
    })
    .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
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
