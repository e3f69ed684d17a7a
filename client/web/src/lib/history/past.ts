// The documents of an earlier version, in the shape in which a project is read: nobody else sees them, nothing is sent.
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { same } from '../project/commands';
import { overwriteField } from '../project/merge';
import { isNodeType } from '../project/plain';
import type { Source } from '../project/project.svelte';
import { Signal } from '../project/signal';
import type { Connection } from '../project/types';
import { NODE_SPECS, type NodeType } from '../schema/generated';

/** The documents of a project as plain values, as the server reads them out of a commit. It may lack any of them. */
export type PlainDocuments = Partial<Record<string, unknown>>;

type Json = Record<string, unknown>;

export class PastSource implements Source {
  readonly canvas = new Y.Doc();
  readonly takes = new Y.Doc();
  readonly production = new Y.Doc();
  /** Reaches nobody: what is pointed at in the past is pointed at alone. */
  readonly awareness = new Awareness(this.canvas);
  readonly farmAwareness = new Awareness(this.takes);
  readonly mayWrite = false;
  readonly loaded = true;
  readonly aside = undefined;
  readonly fork = '';
  readonly #changed = new Signal();
  #past = '';

  get past(): string {
    this.#changed.read();
    return this.#past;
  }

  get connection(): Connection {
    return { kind: 'readonly', unsynced: 0, message: this.past };
  }

  /** Shows another version in the same documents, so that what is equal in both stays as it is on screen. */
  show(documents: PlainDocuments, past: string): void {
    fillCanvas(this.canvas, record(documents.canvas));
    fill(this.takes, 'takes', record(documents.takes));
    fill(this.takes, 'jobs', record(documents.takes));
    for (const root of ['locks', 'chains', 'segments'])
      fill(this.production, root, record(documents.production));
    this.#past = past;
    this.#changed.changed();
  }

  /** Documents beside the canvas are always today's: they are opened from there. */
  open(): Promise<never> {
    return Promise.reject(new Error(this.#past));
  }

  close(): Promise<void> {
    this.awareness.destroy();
    this.farmAwareness.destroy();
    for (const doc of [this.canvas, this.takes, this.production]) doc.destroy();
    return Promise.resolve();
  }

  decideAside(): Promise<void> {
    return Promise.resolve();
  }

  askWhatIMayDo(): void {
    // It is known: look.
  }

  onLive = (): void => undefined;
  onRights = (): void => undefined;
  onNotice = (): void => undefined;
  onRefusal = (): void => undefined;
  onSentAway = (): void => undefined;
  onOutdated = (): void => undefined;
}

function fillCanvas(doc: Y.Doc, content: Json): void {
  const wanted = record(content.nodes);
  const nodes: Y.Map<Y.Map<unknown>> = doc.getMap('nodes');
  doc.transact(() => {
    for (const id of [...nodes.keys()]) if (!(id in wanted)) nodes.delete(id);
    for (const [id, value] of Object.entries(wanted)) fillNode(nodes, id, record(value));
  });
  fill(doc, 'edges', content);
}

function fillNode(nodes: Y.Map<Y.Map<unknown>>, id: string, wanted: Json): void {
  const { type } = wanted;
  if (!isNodeType(type)) return;
  let node = nodes.get(id);
  if (node?.get('type') !== type) {
    node = new Y.Map<unknown>([['type', type]]);
    nodes.set(id, node);
  }
  for (const name of fieldsOf(type, wanted)) overwriteField(node, type, name, wanted[name]);
}

/** What the version has, and what it lacks but could have: a field left over from another version must go. */
function fieldsOf(type: NodeType, wanted: Json): string[] {
  const { texts, maps } = NODE_SPECS[type];
  const own = Object.keys(wanted).filter((name) => name !== 'type' && name !== 'deleted');
  return [...new Set([...own, ...texts, ...maps])];
}

/** Jobs are shared maps in today's documents; everything else is written once and whole. */
function fill(doc: Y.Doc, root: string, content: Json): void {
  const wanted = record(content[root]);
  const map = doc.getMap(root);
  doc.transact(() => {
    for (const id of [...map.keys()]) if (!(id in wanted)) map.delete(id);
    for (const [id, value] of Object.entries(wanted)) {
      const now = map.get(id);
      if (same(now instanceof Y.Map ? now.toJSON() : now, value)) continue;
      map.set(id, root === 'jobs' ? new Y.Map(Object.entries(record(value))) : value);
    }
  });
}

function record(value: unknown): Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : {};
}
