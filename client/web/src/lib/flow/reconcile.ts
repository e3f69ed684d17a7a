// Brings xyflow's nodes and edges in line with the shared document, replacing only what changed. Pure.
// Shared: which nodes there are, their type and place. Local to this browser: size, selection, what the hand holds.
import type { Edge, Node } from '@xyflow/svelte';
import { NODE_SPECS, type NodeType, type Position, type SocketType } from '../schema/generated';
import { joinedType } from '../project/sockets';
import type { EdgeView, NodePlace } from '../project/types';
import { GUESSED_HEIGHTS, WIDTHS, handlesOf } from './sizes';

/** Node components read the shared document themselves, so that typing does not pass through xyflow. */
export type FlowNode = Node<Record<string, never>, NodeType>;
export type FlowEdge = Edge<{ type: SocketType | undefined }, 'join'>;

/** The names of the inputs from above, of nodes whose inputs are not those of every node of their type. */
export type Inputs = ReadonlyMap<string, readonly string[]>;

const NO_DATA: Record<string, never> = {};
const NO_INPUTS: Inputs = new Map();

export function reconcileNodes(
  current: FlowNode[],
  places: readonly NodePlace[],
  drags: ReadonlyMap<string, Position>,
  selection: readonly string[],
  isFixed: (id: string) => boolean = () => false,
  inputs: Inputs = NO_INPUTS
): FlowNode[] {
  const known = new Map(current.map((node) => [node.id, node]));
  const selected = new Set(selection);
  const next = places.map((place) => {
    const position = drags.get(place.id) ?? place.position;
    const node = known.get(place.id);
    const local = {
      selected: selected.has(place.id),
      draggable: !isFixed(place.id),
      inputs: inputs.get(place.id)
    };
    return node?.type === place.type ? updated(node, position, local) : fresh(place, position, local);
  });
  return sameItems(current, next) ? current : next;
}

export function reconcileEdges(
  current: FlowEdge[],
  edges: readonly EdgeView[],
  typeOf: (id: string) => NodeType | undefined
): FlowEdge[] {
  const known = new Map(current.map((edge) => [edge.id, edge]));
  const next = edges.map((edge) => {
    const old = known.get(edge.id);
    if (old && old.source === edge.source && old.target === edge.target) return old;
    return freshEdge(edge, typeOf);
  });
  return sameItems(current, next) ? current : next;
}

type Local = { selected: boolean; draggable: boolean; inputs: readonly string[] | undefined };

function updated(node: FlowNode, position: Position, { selected, draggable, inputs }: Local): FlowNode {
  // What this hand holds is where the hand is; the document gets it on release.
  const at = node.dragging ? node.position : position;
  const still = at.x === node.position.x && at.y === node.position.y;
  const same = (node.selected ?? false) === selected && (node.draggable ?? true) === draggable;
  const handles = sameInputs(node, inputs) ? node.handles : handlesOf(node.type, inputs);
  if (still && same && handles === node.handles) return node;
  return { ...node, position: at, selected, draggable: draggable ? undefined : false, handles };
}

/** xyflow goes by these handles and not by what is drawn, so that edges reach nodes that are out of view. */
function sameInputs(node: FlowNode, inputs: readonly string[] | undefined): boolean {
  const names = inputs ?? NODE_SPECS[node.type].inputs.map((socket) => socket.name);
  const now = node.handles?.filter((handle) => handle.type === 'target').map((handle) => handle.id);
  return now?.join(' ') === names.join(' ');
}

function fresh(
  { id, type }: NodePlace,
  position: Position,
  { selected, draggable, inputs }: Local
): FlowNode {
  return {
    id,
    type,
    position: { ...position },
    selected,
    // Left open where it may be dragged: then the canvas as a whole decides.
    ...(draggable ? {} : { draggable }),
    data: NO_DATA,
    measured: { width: WIDTHS[type], height: GUESSED_HEIGHTS[type] },
    handles: handlesOf(type, inputs)
  };
}

function freshEdge(edge: EdgeView, typeOf: (id: string) => NodeType | undefined): FlowEdge {
  const source = typeOf(edge.source);
  const target = typeOf(edge.target);
  const type = source && target && joinedType(source, edge.source_socket, target, edge.target_socket);
  return {
    id: edge.id,
    type: 'join',
    source: edge.source,
    target: edge.target,
    sourceHandle: edge.source_socket,
    targetHandle: edge.target_socket,
    data: { type }
  };
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
