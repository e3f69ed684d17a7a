// The nodes and edges of a canvas document as cached plain views: a keystroke rebuilds one node, not two thousand.
import type * as Y from 'yjs';
import { readEdge, readNode } from './plain';
import { Signal, SignalMap } from './signal';
import { mayStand } from './sockets';
import type { EdgeView, NodePlace, NodeView } from './types';

export class Graph {
  readonly #nodes: Y.Map<unknown>;
  readonly #edges: Y.Map<unknown>;
  readonly #views = new Map<string, NodeView>();
  readonly #edgeViews = new Map<string, EdgeView>();
  #nodeList: NodeView[] | undefined;
  #placeList: NodePlace[] | undefined;
  #edgeList: EdgeView[] | undefined;
  #edgesByNode: { of: EdgeView[]; byNode: Map<string, EdgeView[]> } | undefined;
  readonly #oneChanged = new SignalMap();
  readonly #anyChanged = new Signal();
  readonly #placesChanged = new Signal();
  readonly #edgesChanged = new Signal();
  /** Called when nodes appeared or disappeared. */
  onMembership: () => void = () => undefined;

  constructor(doc: Y.Doc) {
    this.#nodes = doc.getMap('nodes');
    this.#edges = doc.getMap('edges');
    for (const id of this.#nodes.keys()) this.#readAgain(id);
    this.#nodes.observeDeep(this.#onNodes);
    this.#edges.observe(this.#onEdges);
  }

  destroy(): void {
    this.#nodes.unobserveDeep(this.#onNodes);
    this.#edges.unobserve(this.#onEdges);
  }

  get nodes(): NodeView[] {
    this.#anyChanged.read();
    return (this.#nodeList ??= [...this.#views.values()]);
  }

  /** Where the nodes stand, apart from what is written in them. */
  get places(): NodePlace[] {
    this.#placesChanged.read();
    return (this.#placeList ??= [...this.#views.values()].map(({ id, type, position }) => ({
      id,
      type,
      position
    })));
  }

  node(id: string): NodeView | undefined {
    this.#oneChanged.read(id);
    return this.#views.get(id);
  }

  /** Edges whose two ends exist and may be joined; what dangles after a merge is left out. */
  get edges(): EdgeView[] {
    this.#edgesChanged.read();
    return (this.#edgeList ??= this.#readEdges());
  }

  /** Edges that start or end at that node. */
  edgesOf(nodeId: string): EdgeView[] {
    const edges = this.edges;
    if (this.#edgesByNode?.of !== edges) this.#edgesByNode = { of: edges, byNode: indexByNode(edges) };
    return this.#edgesByNode.byNode.get(nodeId) ?? [];
  }

  /** Edges that end at one socket, in the order of their ids so that every reader agrees which is first. */
  edgesInto(nodeId: string, socket: string): EdgeView[] {
    return this.edgesOf(nodeId)
      .filter((edge) => edge.target === nodeId && edge.target_socket === socket)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  readonly #onNodes = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    const touched = new Set<string>();
    for (const event of events) {
      if (event.target === (this.#nodes as Y.AbstractType<unknown>)) {
        for (const id of event.changes.keys.keys()) touched.add(id);
      } else {
        touched.add(String(event.path[0]));
      }
    }
    this.#absorb(touched);
  };

  #absorb(touched: Set<string>): void {
    let places = false;
    let membership = false;
    for (const id of touched) {
      const before = this.#views.get(id);
      const after = this.#readAgain(id);
      membership ||= before?.type !== after?.type;
      places ||= before?.position.x !== after?.position.x || before?.position.y !== after?.position.y;
    }
    this.#nodeList = undefined;
    if (places || membership) this.#placeList = undefined;
    if (membership) this.#edgeList = undefined;
    for (const id of touched) this.#oneChanged.changed(id);
    this.#anyChanged.changed();
    if (places || membership) this.#placesChanged.changed();
    if (membership) {
      this.#edgesChanged.changed();
      this.onMembership();
    }
  }

  readonly #onEdges = (): void => {
    this.#edgeList = undefined;
    this.#edgesChanged.changed();
  };

  #readAgain(id: string): NodeView | undefined {
    const view = readNode(id, this.#nodes.get(id));
    if (view) this.#views.set(id, view);
    else this.#views.delete(id);
    return view;
  }

  #readEdges(): EdgeView[] {
    const list: EdgeView[] = [];
    for (const [id, value] of this.#edges) {
      const edge = readEdge(value);
      const source = edge && this.#views.get(edge.source);
      const target = edge && this.#views.get(edge.target);
      if (!source || !target) continue;
      if (!mayStand(source.type, edge.source_socket, target.type, edge.target_socket)) continue;
      list.push(this.#edgeView(id, edge));
    }
    return list;
  }

  /** An edge is never edited, so its view can be kept as long as nobody reuses its id for another join. */
  #edgeView(id: string, edge: Omit<EdgeView, 'id'>): EdgeView {
    const known = this.#edgeViews.get(id);
    if (known && known.source === edge.source && known.target === edge.target) {
      if (known.source_socket === edge.source_socket && known.target_socket === edge.target_socket)
        return known;
    }
    const view = { ...edge, id };
    this.#edgeViews.set(id, view);
    return view;
  }
}

function indexByNode(edges: readonly EdgeView[]): Map<string, EdgeView[]> {
  const byNode = new Map<string, EdgeView[]>();
  for (const edge of edges) {
    for (const id of [edge.source, edge.target]) {
      const list = byNode.get(id);
      if (list) list.push(edge);
      else byNode.set(id, [edge]);
    }
  }
  return byNode;
}
