// Copied nodes as JSON text, so that they travel through the system clipboard, also between projects and browsers.
import { NODE_SPECS, type Edge, type NodeType, type Position } from '../schema/generated';
import { isNodeType, readEdge, readPosition } from './plain';
import type { EdgeView, NodeView } from './types';

const FORMAT = 'workprint.nodes.1';

export type CopiedNode = { id: string; type: NodeType; position: Position; fields: Record<string, unknown> };
export type Copied = { nodes: CopiedNode[]; edges: Edge[] };

/** What a copy carries over: everything the artist wrote, but no takes, which belong to the shot they were made for. */
export function copyOf(nodes: readonly NodeView[], edges: readonly EdgeView[]): Copied {
  const ids = new Set(nodes.map((node) => node.id));
  return {
    nodes: nodes.map((node) => ({
      id: node.id,
      type: node.type,
      position: node.position,
      fields: fieldsOf(node)
    })),
    edges: edges
      .filter((edge) => ids.has(edge.target))
      .map((edge) => readEdge(edge))
      .filter((edge) => edge !== undefined)
  };
}

export function toText(copied: Copied): string {
  return JSON.stringify({ format: FORMAT, ...copied }, null, 1);
}

/** Reads copied text back; undefined when it is something else. */
export function fromText(text: string): Copied | undefined {
  let value: { format?: unknown; nodes?: unknown; edges?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  if (value?.format !== FORMAT || !Array.isArray(value.nodes) || !Array.isArray(value.edges))
    return undefined;
  return {
    nodes: value.nodes.map(readCopied).filter((node) => node !== undefined),
    edges: value.edges.map(readEdge).filter((edge) => edge !== undefined)
  };
}

function fieldsOf(node: NodeView): Record<string, unknown> {
  const spec = NODE_SPECS[node.type];
  const names = new Set([...Object.keys(spec.defaults), ...spec.texts, ...spec.maps]);
  for (const left of ['active_take', 'stars', 'shot']) names.delete(left);
  // "Shot 3" is no name that somebody gave; the copy is named after its own number.
  if (node.type === 'shot' && node.title === `Shot ${node.shot}`) names.delete('title');
  const values = node as unknown as Record<string, unknown>;
  return Object.fromEntries([...names].map((name) => [name, values[name]]));
}

function readCopied(value: unknown): CopiedNode | undefined {
  const { id, type, position, fields } = (value ?? {}) as Partial<CopiedNode>;
  if (typeof id !== 'string' || !isNodeType(type)) return undefined;
  const known = new Set([
    ...Object.keys(NODE_SPECS[type].defaults),
    ...NODE_SPECS[type].texts,
    ...NODE_SPECS[type].maps
  ]);
  const kept = Object.entries(fields ?? {}).filter(([name]) => known.has(name));
  return { id, type, position: readPosition(position), fields: Object.fromEntries(kept) };
}
