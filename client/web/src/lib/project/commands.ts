// Every write to a document from this app: one named transaction each, as one step that can be undone. `merge.ts` too.
import * as Y from 'yjs';
import { NODE_SPECS, type Edge, type Intent, type NodeType, type Position } from '../schema/generated';
import { copyOf, fromText, toText, type Copied, type CopiedNode } from './clipboard';
import { LOCAL, PREPARING, type History } from './history';
import { newId } from './ids';
import type { Thing } from './permissions';
import { readEdge, readPosition } from './plain';
import { inputSocket, mayJoin, type Declared } from './sockets';
import type { EdgeView, NodeView } from './types';

/** What commands need of a project; `Project` has it, and so has a test without a browser. */
export interface Editable {
  readonly canvas: Y.Doc;
  readonly history: History;
  readonly canWrite: boolean;
  /** Why something on the canvas cannot be edited; empty when it can. What is locked, commands leave alone. */
  whyNotEdit(thing: Thing): string;
  readonly nodes: NodeView[];
  readonly edges: EdgeView[];
  node(id: string): NodeView | undefined;
  /** What the pipeline of a shot declares; undefined for every other node, and for a shot without one. */
  declared(id: string): Declared | undefined;
  selection: string[];
}

const DUPLICATE_OFFSET = 32;

/** Adds a node and returns its id. A new shot gets the next free number of its scene. */
export function addNode(
  project: Editable,
  kind: NodeType,
  position: Position,
  fields: Record<string, unknown> = {}
): string {
  const id = newId(kind);
  prepare(project, [{ id, type: kind, position, fields }]);
  step(project, () => record(project, id)?.set('deleted', false));
  return id;
}

export function moveNodes(project: Editable, positions: Record<string, Position>): void {
  step(project, () => {
    for (const [id, position] of Object.entries(positions))
      if (isFree(project, id)) record(project, id)?.set('position', tidy(position));
  });
}

export function setField(project: Editable, id: string, name: string, value: unknown): void {
  setFields(project, id, { [name]: value });
}

/** Sets several plain fields as one step. */
export function setFields(project: Editable, id: string, values: Record<string, unknown>): void {
  if (!isFree(project, id)) return;
  step(project, () => {
    const node = record(project, id);
    for (const [name, value] of Object.entries(values))
      if (node && !same(node.get(name), value)) node.set(name, value);
  });
}

export function setParameter(
  project: Editable,
  id: string,
  name: string,
  value: string | number | boolean
): void {
  if (project.whyNotEdit({ kind: 'parameter', id, name })) return;
  step(project, () => {
    const parameters = record(project, id)?.get('parameters');
    if (parameters instanceof Y.Map && !same(parameters.get(name), value)) parameters.set(name, value);
  });
}

/**
 * Deletes nodes, the edges at them, and `edgeIds` with them as one step. Nodes are deleted by flag, so that undo brings
 * back the same node with what others wrote in it meanwhile.
 */
export function deleteNodes(
  project: Editable,
  ids: readonly string[],
  edgeIds: readonly string[] = []
): void {
  const gone = new Set(ids.filter((id) => !project.whyNotEdit({ kind: 'whole', id })));
  const loose = freeEdges(project, edgeIds);
  step(project, () => {
    for (const id of loose) edgeMap(project).delete(id);
    for (const id of gone) record(project, id)?.set('deleted', true);
    const edges = edgeMap(project);
    for (const [id, value] of edges) {
      const edge = readEdge(value);
      if (edge && (gone.has(edge.source) || gone.has(edge.target))) edges.delete(id);
    }
  });
}

/** Why none of these can be deleted; empty when one can. */
export function whyNoneGoes(project: Pick<Editable, 'whyNotEdit'>, ids: readonly string[]): string {
  const reasons = ids.map((id) => project.whyNotEdit({ kind: 'whole', id }));
  return reasons.includes('') ? '' : (reasons[0] ?? '');
}

export function deleteEdges(project: Editable, ids: readonly string[]): void {
  const loose = freeEdges(project, ids);
  step(project, () => {
    for (const id of loose) edgeMap(project).delete(id);
  });
}

/** Joins two sockets and returns the edge's id; null when they may not be joined or are joined already. */
export function connect(
  project: Editable,
  source: string,
  sourceSocket: string,
  target: string,
  targetSocket: string
): string | null {
  const edge: Edge = { source, source_socket: sourceSocket, target, target_socket: targetSocket };
  const from = project.node(source);
  const to = project.node(target);
  if (!from || !to || source === target) return null;
  const takes = project.declared(target);
  if (!mayJoin(from.type, sourceSocket, to.type, targetSocket, project.declared(source), takes)) return null;
  if (project.whyNotEdit({ kind: 'input', id: target, socket: targetSocket })) return null;
  const into = project.edges.filter(
    (other) => other.target === target && other.target_socket === targetSocket
  );
  if (into.some((other) => other.source === source && other.source_socket === sourceSocket)) return null;
  const id = newId('edge');
  step(project, () => {
    const edges = edgeMap(project);
    if (!inputSocket(to.type, targetSocket, takes)?.many) for (const old of into) edges.delete(old.id);
    edges.set(id, edge);
  });
  return id;
}

/** The nodes and the edges that lead into them, as text for the clipboard. */
export function copyNodes(project: Editable, ids: readonly string[]): string {
  return toText(pick(project, ids));
}

/** Puts copied nodes around `at` and returns their new ids; none when the text is no copy of ours. */
export function pasteNodes(project: Editable, text: string, at: Position): string[] {
  const copied = fromText(text);
  if (!copied || copied.nodes.length === 0) return [];
  const left = Math.min(...copied.nodes.map((node) => node.position.x));
  const top = Math.min(...copied.nodes.map((node) => node.position.y));
  const inside = new Set(copied.nodes.map((node) => node.id));
  const edges = copied.edges.filter((edge) => inside.has(edge.source));
  return insert(project, { nodes: copied.nodes, edges }, { x: at.x - left, y: at.y - top });
}

/** Copies nodes in place, joined to the same sources as the originals. */
export function duplicateNodes(project: Editable, ids: readonly string[]): string[] {
  return insert(project, pick(project, ids), { x: DUPLICATE_OFFSET, y: DUPLICATE_OFFSET });
}

/** Asks for a take of a shot and returns the id of the intent, which becomes the id of the job. */
/** With `fresh` a take is made even if an equal one is there, which else is offered instead. */
export function generate(project: Editable, nodeId: string, fresh = false): string {
  return ask(project, { kind: 'generate', node: nodeId, ...(fresh ? { fresh } : {}) });
}

/** Asks for a take of each of several shots with one click: they share a batch, whose id is returned. */
export function generateTogether(project: Editable, nodeIds: readonly string[], fresh = false): string {
  const batch = newId('batch');
  project.canvas.transact(() => {
    for (const node of nodeIds) ask(project, { kind: 'generate', node, batch, ...(fresh ? { fresh } : {}) });
  }, LOCAL);
  return batch;
}

/** Stops all jobs of a batch that have not ended. */
export function cancelBatch(project: Editable, batch: string): void {
  ask(project, { kind: 'cancel_batch', batch });
}

export function cancelJob(project: Editable, jobId: string): void {
  ask(project, { kind: 'cancel', job: jobId });
}

export function chooseTake(project: Editable, nodeId: string, takeId: string): void {
  setField(project, nodeId, 'active_take', takeId);
}

export function starTake(project: Editable, nodeId: string, takeId: string, on: boolean): void {
  if (!isFree(project, nodeId)) return;
  step(project, () => {
    const stars = record(project, nodeId)?.get('stars');
    if (!(stars instanceof Y.Map)) return;
    if (on) stars.set(takeId, true);
    else stars.delete(takeId);
  });
}

/** The next free shot number in a scene; numbers of deleted shots are not given again while others are higher. */
export function nextShot(nodes: readonly NodeView[], chapter: number, scene: number): number {
  const numbers = nodes.map((node) =>
    node.type === 'shot' && node.chapter === chapter && node.scene === scene ? node.shot : 0
  );
  return Math.max(0, ...numbers) + 1;
}

export function step<T>(project: Editable, change: () => T): T | undefined {
  if (!project.canWrite) return undefined;
  return project.history.step(() => project.canvas.transact(change, LOCAL));
}

function isFree(project: Editable, id: string): boolean {
  return project.whyNotEdit({ kind: 'node', id }) === '';
}

/** The edges among these that may be taken off. */
function freeEdges(project: Editable, ids: readonly string[]): string[] {
  return ids.filter((id) => {
    const edge = readEdge(edgeMap(project).get(id));
    return !edge || !project.whyNotEdit({ kind: 'input', id: edge.target, socket: edge.target_socket });
  });
}

function ask(project: Editable, intent: Intent): string {
  const id = newId('intent');
  if (project.canWrite) {
    project.canvas.transact(() => project.canvas.getMap('intents').set(id, intent), LOCAL);
  }
  return id;
}

function pick(project: Editable, ids: readonly string[]): Copied {
  const nodes = ids.map((id) => project.node(id)).filter((node) => node !== undefined);
  return copyOf(nodes, project.edges);
}

function insert(project: Editable, copied: Copied, offset: Position): string[] {
  const ids = new Map(copied.nodes.map((node) => [node.id, newId(node.type)]));
  const nodes = copied.nodes.map((node) => ({
    ...node,
    id: ids.get(node.id) as string,
    position: { x: node.position.x + offset.x, y: node.position.y + offset.y }
  }));
  prepare(project, nodes);
  step(project, () => {
    for (const node of nodes) record(project, node.id)?.set('deleted', false);
    const edges = edgeMap(project);
    for (const edge of copied.edges) {
      const source = ids.get(edge.source) ?? edge.source;
      const target = ids.get(edge.target);
      if (target !== undefined) edges.set(newId('edge'), { ...edge, source, target });
    }
  });
  return project.canWrite ? nodes.map((node) => node.id) : [];
}

/**
 * Writes new records under the flag `deleted`; taking the flag off is the step that can be undone. Undo sets it again,
 * so what others have typed into the node by then is not lost, and redo brings back the same record.
 */
export function prepare(project: Editable, nodes: readonly CopiedNode[]): void {
  if (!project.canWrite) return;
  const numbered = [...project.nodes];
  project.canvas.transact(() => {
    for (const { id, type, position, fields } of nodes) {
      const values = { ...structuredClone(NODE_SPECS[type].defaults), ...fields };
      if (type === 'shot' && fields.shot === undefined) number(values, numbered);
      nodeMap(project).set(id, newRecord(type, position, values));
      numbered.push({ ...values, type } as unknown as NodeView);
    }
  }, PREPARING);
}

function number(shot: Record<string, unknown>, others: readonly NodeView[]): void {
  shot.shot = nextShot(others, Number(shot.chapter), Number(shot.scene));
  if (shot.title === NODE_SPECS.shot.defaults.title) shot.title = `Shot ${String(shot.shot)}`;
}

function newRecord(type: NodeType, position: Position, values: Record<string, unknown>): Y.Map<unknown> {
  const spec = NODE_SPECS[type];
  const node = new Y.Map<unknown>();
  for (const [name, value] of Object.entries(values)) {
    if (!spec.texts.includes(name) && !spec.maps.includes(name)) node.set(name, value);
  }
  for (const name of spec.texts) node.set(name, new Y.Text(String(values[name] ?? '')));
  for (const name of spec.maps) node.set(name, new Y.Map(Object.entries((values[name] ?? {}) as object)));
  node.set('type', type);
  node.set('position', tidy(position));
  node.set('deleted', true);
  return node;
}

/** Whole canvas units: finer ones only make longer documents. */
export function tidy(position: Position): Position {
  const { x, y } = readPosition(position);
  return { x: Math.round(x), y: Math.round(y) };
}

export function record(project: Editable, id: string): Y.Map<unknown> | undefined {
  const value = nodeMap(project).get(id);
  return value instanceof Y.Map ? value : undefined;
}

function nodeMap(project: Editable): Y.Map<unknown> {
  return project.canvas.getMap('nodes');
}

export function edgeMap(project: Editable): Y.Map<unknown> {
  return project.canvas.getMap('edges');
}

export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
