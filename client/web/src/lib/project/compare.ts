// What one canvas holds that another does not, where the two share no history: told by ids and contents. Pure.
import * as Y from 'yjs';
import { NODE_SPECS, type NodeType } from '../schema/generated';
import { Graph } from './graph';
import { inputSocket } from './sockets';
import type { EdgeView, NodeView } from './types';

/** A canvas as it is compared. */
export type Content = {
  nodes: ReadonlyMap<string, NodeView>;
  edges: readonly EdgeView[];
  /** Every id that stands in the document, also of what is deleted. */
  known: ReadonlySet<string>;
};

/** Something that both canvases know and that is not the same in them. `mine` is the copy's, `theirs` today's. */
export type Differing = { key: string; type: NodeType; title: string } & (
  | { kind: 'changed'; mine: NodeView; theirs: NodeView; fields: string[] }
  | { kind: 'deletedThere'; mine: NodeView }
  | { kind: 'deletedHere'; theirs: NodeView }
  | {
      kind: 'rejoined';
      mine: EdgeView;
      theirs: EdgeView;
      socket: string;
      from: [mine: string, theirs: string];
    }
);

export type Difference = {
  /** Nodes of the copy that today's canvas never had. */
  added: NodeView[];
  /** Joins of the copy that today's canvas lacks, and that nothing there stands against. */
  edges: EdgeView[];
  differing: Differing[];
};

/** The content of a canvas that is open. */
export function contentOf(canvas: Y.Doc, nodes: readonly NodeView[], edges: readonly EdgeView[]): Content {
  return {
    nodes: new Map(nodes.map((node) => [node.id, node])),
    edges,
    known: new Set(canvas.getMap('nodes').keys())
  };
}

/** The content of a canvas document that nobody has open. */
export function readContent(canvas: Y.Doc): Content {
  const graph = new Graph(canvas);
  const content = contentOf(canvas, graph.nodes, graph.edges);
  graph.destroy();
  return content;
}

export function compare(mine: Content, theirs: Content): Difference {
  const added: NodeView[] = [];
  const differing: Differing[] = [];
  for (const [id, node] of mine.nodes) {
    const other = theirs.nodes.get(id);
    const { type, title } = node;
    if (!other && !theirs.known.has(id)) added.push(node);
    else if (!other) differing.push({ key: id, type, title, kind: 'deletedThere', mine: node });
    else {
      const fields = fieldsThatDiffer(node, other);
      if (fields.length > 0)
        differing.push({
          key: id,
          type,
          title: other.title,
          kind: 'changed',
          mine: node,
          theirs: other,
          fields
        });
    }
  }
  for (const [id, node] of theirs.nodes) {
    if (mine.known.has(id) && !mine.nodes.has(id))
      differing.push({ key: id, type: node.type, title: node.title, kind: 'deletedHere', theirs: node });
  }
  const { edges, rejoined } = compareEdges(mine, theirs);
  return { added, edges, differing: [...differing, ...rejoined] };
}

export function isNothing({ added, edges, differing }: Difference): boolean {
  return added.length + edges.length + differing.length === 0;
}

/** The names of the fields of a node, in the order in which people read them. */
export function fieldsOf(type: NodeType): string[] {
  const { defaults, texts, maps } = NODE_SPECS[type];
  return [...new Set([...Object.keys(defaults), ...texts, ...maps, 'position'])];
}

function fieldsThatDiffer(mine: NodeView, theirs: NodeView): string[] {
  if (mine.type !== theirs.type) return [];
  const [a, b] = [mine, theirs] as unknown as Record<string, unknown>[];
  return fieldsOf(mine.type).filter((name) => sorted(a?.[name]) !== sorted(b?.[name]));
}

function compareEdges(mine: Content, theirs: Content): { edges: EdgeView[]; rejoined: Differing[] } {
  const there = new Set(theirs.edges.map(ends));
  const edges: EdgeView[] = [];
  const rejoined: Differing[] = [];
  for (const edge of mine.edges) {
    if (there.has(ends(edge))) continue;
    const target = mine.nodes.get(edge.target);
    if (!target) continue;
    const socket = inputSocket(target.type, edge.target_socket);
    const rival = socket?.many
      ? undefined
      : theirs.edges.find((o) => o.target === edge.target && o.target_socket === edge.target_socket);
    if (!rival) edges.push(edge);
    else
      rejoined.push({
        key: `edge/${edge.id}`,
        type: target.type,
        title: target.title,
        kind: 'rejoined',
        mine: edge,
        theirs: rival,
        socket: socket?.label ?? edge.target_socket,
        from: [titleOf(mine, edge.source), titleOf(theirs, rival.source)]
      });
  }
  return { edges, rejoined };
}

function titleOf(content: Content, id: string): string {
  return content.nodes.get(id)?.title ?? 'a deleted node';
}

function ends({ source, source_socket, target, target_socket }: EdgeView): string {
  return JSON.stringify([source, source_socket, target, target_socket]);
}

/** JSON with the keys in order: two maps with the same entries are the same. */
function sorted(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      inner && typeof inner === 'object' && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner
    ) ?? ''
  );
}
