// What every node on the canvas may ask of the canvas it stands on.
import { getContext, setContext } from 'svelte';
import type { NodeType } from '../schema/generated';
import type { Carets } from './parts/carets';

/** The end from which somebody is drawing an edge right now. */
export type OpenEnd = { node: string; type: NodeType; socket: string; side: 'source' | 'target' };

export interface CanvasContext {
  /** Zoomed out so far that only picture and title can be made out. */
  readonly far: boolean;
  readonly openEnd: OpenEnd | null;
  readonly carets: Carets;
  /** Whether a node or edge is near what is selected, and so is shown in full strength. */
  isSelected(nodeId: string): boolean;
}

const KEY = Symbol('canvas');

export function setCanvas(context: CanvasContext): CanvasContext {
  return setContext(KEY, context);
}

export function getCanvas(): CanvasContext {
  return getContext<CanvasContext>(KEY);
}
