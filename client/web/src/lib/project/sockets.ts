// Which sockets may be joined: the same rules as the server's `may_join` (C-020).
import { NODE_SPECS, type NodeType, type Socket, type SocketType } from '../schema/generated';

export function inputSocket(type: NodeType, name: string): Socket | undefined {
  return NODE_SPECS[type].inputs.find((socket) => socket.name === name);
}

export function outputSocket(type: NodeType, name: string): Socket | undefined {
  return NODE_SPECS[type].outputs.find((socket) => socket.name === name);
}

export function compatible(offered: readonly SocketType[], accepted: readonly SocketType[]): boolean {
  return offered.some((type) => accepted.includes(type));
}

export function mayJoin(
  source: NodeType,
  sourceSocket: string,
  target: NodeType,
  targetSocket: string
): boolean {
  const out = outputSocket(source, sourceSocket);
  const into = inputSocket(target, targetSocket);
  return out !== undefined && into !== undefined && compatible(out.types, into.types);
}

/** The type that gives an edge its colour: the first one that both ends know. */
export function joinedType(source: NodeType, sourceSocket: string, target: NodeType, targetSocket: string) {
  const accepted = inputSocket(target, targetSocket)?.types ?? [];
  return outputSocket(source, sourceSocket)?.types.find((type) => accepted.includes(type));
}
