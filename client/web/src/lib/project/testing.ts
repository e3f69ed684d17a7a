// For tests: a desk at which somebody edits a canvas document, without browser or server.
import * as Y from 'yjs';
import type { Editable } from './commands';
import { Graph } from './graph';
import { History } from './history';
import type { Thing } from './permissions';
import type { Declared } from './sockets';
import type { EdgeView, NodeView } from './types';

export class Desk implements Editable {
  readonly canvas = new Y.Doc();
  readonly graph = new Graph(this.canvas);
  readonly history = new History(this.canvas);
  canWrite = true;
  /** Ids of nodes that somebody has locked. */
  readonly locked = new Set<string>();
  selection: string[] = [];
  /** What the pipelines of shots declare, by the shots' ids. */
  readonly pipelines = new Map<string, Declared>();

  get nodes(): NodeView[] {
    return this.graph.nodes;
  }

  get edges(): EdgeView[] {
    return this.graph.edges;
  }

  whyNotEdit(thing: Thing): string {
    return thing.kind !== 'contract' && this.locked.has(thing.id) ? 'It is locked.' : '';
  }

  node(id: string): NodeView | undefined {
    return this.graph.node(id);
  }

  declared(id: string): Declared | undefined {
    return this.pipelines.get(id);
  }

  text(id: string, field: string): Y.Text {
    return (this.canvas.getMap('nodes').get(id) as Y.Map<unknown>).get(field) as Y.Text;
  }

  /** The record of a node as the document holds it. */
  record(id: string): Record<string, unknown> {
    return (this.canvas.getMap('nodes').get(id) as Y.Map<unknown>).toJSON();
  }
}

/** Both send the other what they lack, as after a reconnection. */
export function exchange(a: Desk, b: Desk): void {
  const forB = Y.encodeStateAsUpdate(a.canvas, Y.encodeStateVector(b.canvas));
  const forA = Y.encodeStateAsUpdate(b.canvas, Y.encodeStateVector(a.canvas));
  Y.applyUpdate(b.canvas, forB, 'remote');
  Y.applyUpdate(a.canvas, forA, 'remote');
}
