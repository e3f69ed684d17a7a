// Which sockets may be joined: the same rules as the server's `may_join` and `may_stand` (C-020, C-024).
import type { PipelineInfo } from '../api';
import { NODE_SPECS, type NodeType, type Socket, type SocketType } from '../schema/generated';

/** What the pipeline that is joined to a shot declares: the shot's sockets follow it. */
export type Declared = { inputs: readonly Socket[]; makes: readonly SocketType[] };

export function declaredBy(pipeline: PipelineInfo): Declared | undefined {
  const inputs = pipeline.inputs.map(({ name, label, types, many }) => ({
    name,
    label: label ?? name,
    types,
    many: many ?? false
  }));
  const makes = pipeline.output
    ? [pipeline.output, ...(pipeline.also ?? [])]
    : NODE_SPECS.shot.outputs[0]?.types;
  return { inputs, makes: makes ?? [] };
}

/** The inputs of a node. A pipeline that declares inputs but no words takes none: no prompt socket. */
export function inputsOf(type: NodeType, declared?: Declared): readonly Socket[] {
  const own = NODE_SPECS[type].inputs;
  if (type !== 'shot' || !declared?.inputs.length) return own;
  const takesWords = declared.inputs.some((socket) => socket.name === 'prompt');
  return [
    ...own.filter((socket) => socket.name !== 'prompt' || takesWords),
    ...declared.inputs.filter((socket) => !own.some((other) => other.name === socket.name))
  ];
}

/** Inputs that went with a change of the pipeline while something is joined to them. */
export function lostInputs(inputs: readonly Socket[], joined: readonly string[]): string[] {
  return [...new Set(joined)].filter((name) => !inputs.some((socket) => socket.name === name));
}

export function outputsOf(type: NodeType, declared?: Declared): readonly Socket[] {
  const own = NODE_SPECS[type].outputs;
  if (type !== 'shot' || !declared) return own;
  return own.map((socket) => ({ ...socket, types: [...declared.makes] }));
}

export function inputSocket(type: NodeType, name: string, declared?: Declared): Socket | undefined {
  return inputsOf(type, declared).find((socket) => socket.name === name);
}

export function outputSocket(type: NodeType, name: string, declared?: Declared): Socket | undefined {
  return outputsOf(type, declared).find((socket) => socket.name === name);
}

export function compatible(offered: readonly SocketType[], accepted: readonly SocketType[]): boolean {
  return offered.some((type) => accepted.includes(type));
}

export function mayJoin(
  source: NodeType,
  sourceSocket: string,
  target: NodeType,
  targetSocket: string,
  gives?: Declared,
  takes?: Declared
): boolean {
  const out = outputSocket(source, sourceSocket, gives);
  const into = inputSocket(target, targetSocket, takes);
  return out !== undefined && into !== undefined && compatible(out.types, into.types);
}

/** Whether an edge belongs on a canvas, also when the pipeline of its shot does not take it any more. */
export function mayStand(source: NodeType, sourceSocket: string, target: NodeType, targetSocket: string) {
  const out = outputSocket(source, sourceSocket);
  const into = inputSocket(target, targetSocket);
  if (!out) return false;
  if (!into) return target === 'shot' && /^[a-z][a-z0-9_]*$/.test(targetSocket);
  return compatible(out.types, into.types);
}

/** The type that gives an edge its colour: the first one that both ends know. */
export function joinedType(
  source: NodeType,
  sourceSocket: string,
  target: NodeType,
  targetSocket: string,
  gives?: Declared,
  takes?: Declared
): SocketType | undefined {
  const accepted = inputSocket(target, targetSocket, takes)?.types ?? [];
  return outputSocket(source, sourceSocket, gives)?.types.find((type) => accepted.includes(type));
}
