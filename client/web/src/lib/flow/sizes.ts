// How large nodes are and where their sockets stand; fixed, so that edges can be drawn before a node is rendered.
import { Position as Side, type NodeHandle } from '@xyflow/svelte';
import { NODE_SPECS, type NodeType } from '../schema/generated';

export const WIDTHS: Record<NodeType, number> = {
  shot: 320,
  pipeline: 240,
  style: 260,
  prompt: 280,
  note: 220
};
/** Only a guess until the node has been on the screen. */
export const GUESSED_HEIGHTS: Record<NodeType, number> = {
  shot: 350,
  pipeline: 130,
  style: 190,
  prompt: 140,
  note: 130
};

const FIRST_SOCKET_Y = 58;
const SOCKET_STEP = 26;
const HANDLE = 12;

/** Distance of a socket's centre from the node's top. */
export function socketY(index: number): number {
  return FIRST_SOCKET_Y + index * SOCKET_STEP;
}

/** `inputs`: the names of its inputs from above, where they are not those of every node of its type. */
export function handlesOf(type: NodeType, inputs?: readonly string[]): NodeHandle[] {
  const spec = NODE_SPECS[type];
  const common = { width: HANDLE, height: HANDLE };
  return [
    ...(inputs ?? spec.inputs.map((socket) => socket.name)).map((id, i) => ({
      ...common,
      id,
      type: 'target' as const,
      position: Side.Left,
      x: -HANDLE / 2,
      y: socketY(i) - HANDLE / 2
    })),
    ...spec.outputs.map((socket, i) => ({
      ...common,
      id: socket.name,
      type: 'source' as const,
      position: Side.Right,
      x: WIDTHS[type] - HANDLE / 2,
      y: socketY(i) - HANDLE / 2
    }))
  ];
}
