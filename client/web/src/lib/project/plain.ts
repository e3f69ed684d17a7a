// Reads nodes, edges and intents out of a canvas document, and trusts nothing: any client may have written anything.
import * as Y from 'yjs';
import { NODE_SPECS, type Edge, type NodeType, type Position } from '../schema/generated';
import type { NodeView } from './types';

/** Furthest a node may stand from the origin; beyond it browsers lose sub-pixel precision. */
const FAR = 1_000_000;

/** The node under that id, or undefined when it is not there, deleted or of a type we do not know. */
export function readNode(id: string, record: unknown): NodeView | undefined {
  if (!(record instanceof Y.Map) || record.get('deleted') === true) return undefined;
  const type = record.get('type');
  if (!isNodeType(type)) return undefined;
  const spec = NODE_SPECS[type];
  const view: Record<string, unknown> = { deleted: false };
  for (const [name, usual] of Object.entries(spec.defaults)) {
    if (!spec.maps.includes(name)) view[name] = likeUsual(record.get(name), usual);
  }
  for (const name of spec.texts) view[name] = record.get(name)?.toString() ?? '';
  for (const name of spec.maps) view[name] = asRecord(record.get(name));
  return { ...view, id, type, position: readPosition(record.get('position')) } as NodeView;
}

export function readPosition(value: unknown): Position {
  const { x, y } = (value ?? {}) as Partial<Position>;
  return { x: coordinate(x), y: coordinate(y) };
}

export function readEdge(value: unknown): Edge | undefined {
  const edge = (value ?? {}) as Partial<Edge>;
  const { source, source_socket, target, target_socket } = edge;
  const ends = { source, source_socket, target, target_socket };
  return Object.values(ends).every((end) => typeof end === 'string') ? (ends as Edge) : undefined;
}

export function isNodeType(value: unknown): value is NodeType {
  return typeof value === 'string' && Object.hasOwn(NODE_SPECS, value);
}

function coordinate(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return 0;
  return Math.min(FAR, Math.max(-FAR, value));
}

function asRecord(value: unknown): Record<string, unknown> {
  return value instanceof Y.Map ? value.toJSON() : {};
}

/** A field keeps its stored value when that has the kind of its default, else it reads as the default. */
function likeUsual(value: unknown, usual: unknown): unknown {
  const same =
    typeof value === typeof usual &&
    Array.isArray(value) === Array.isArray(usual) &&
    (typeof value !== 'number' || Number.isFinite(value));
  return same ? value : usual;
}
