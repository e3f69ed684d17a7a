// Brings what a copy of another epoch holds into today's canvas: as new edits, as one step that can be undone. The old
// update itself is never applied: the two documents share no history, and everything would stand there twice.
import * as Y from 'yjs';
import { NODE_SPECS, type NodeType, type Position } from '../schema/generated';
import { edgeMap, prepare, record, same, step, tidy, type Editable } from './commands';
import { fieldsOf, type Difference, type Differing } from './compare';
import type { EdgeView, NodeView } from './types';

/** Adds what is missing; of what differs, takes the copy's where `mine` has the key, and leaves the rest as it is. */
export function mergeCopy(project: Editable, difference: Difference, mine: Iterable<string>): void {
  const chosen = new Set(mine);
  const { added, edges, differing } = difference;
  prepare(
    project,
    added.map((node) => ({ id: node.id, type: node.type, position: node.position, fields: fields(node) }))
  );
  step(project, () => {
    for (const { id } of added) record(project, id)?.set('deleted', false);
    for (const each of differing) if (chosen.has(each.key)) take(project, each);
    for (const edge of edges) join(project, edge);
  });
}

function take(project: Editable, chosen: Differing): void {
  switch (chosen.kind) {
    case 'changed':
      overwrite(record(project, chosen.key), chosen.mine);
      break;
    case 'deletedThere':
      overwrite(record(project, chosen.key), chosen.mine);
      record(project, chosen.key)?.set('deleted', false);
      break;
    case 'deletedHere':
      record(project, chosen.key)?.set('deleted', true);
      for (const edge of project.edges)
        if (edge.source === chosen.key || edge.target === chosen.key) edgeMap(project).delete(edge.id);
      break;
    case 'rejoined':
      if (join(project, chosen.mine)) edgeMap(project).delete(chosen.theirs.id);
  }
}

function fields(node: NodeView): Record<string, unknown> {
  const values = node as unknown as Record<string, unknown>;
  return Object.fromEntries(fieldsOf(node.type).map((name) => [name, values[name]]));
}

/** Only what differs is written, so that undo and the others' edits meet as little as possible. */
function overwrite(node: Y.Map<unknown> | undefined, wanted: NodeView): void {
  if (!node) return;
  for (const [name, value] of Object.entries(fields(wanted))) overwriteField(node, wanted.type, name, value);
}

/** Writes one field as far as it differs, in the way its kind asks for. */
export function overwriteField(node: Y.Map<unknown>, type: NodeType, name: string, value: unknown): void {
  const { texts, maps } = NODE_SPECS[type];
  if (texts.includes(name)) overwriteText(node, name, String(value ?? ''));
  else if (maps.includes(name)) overwriteMap(node, name, (value ?? {}) as Record<string, unknown>);
  else {
    const tidied = name === 'position' ? tidy(value as Position) : value;
    if (!same(node.get(name), tidied)) node.set(name, tidied);
  }
}

function overwriteText(node: Y.Map<unknown>, name: string, wanted: string): void {
  const text = node.get(name);
  if (!(text instanceof Y.Text)) {
    node.set(name, new Y.Text(wanted));
    return;
  }
  const now = text.toString();
  const start = sameFrom(now, wanted);
  const end = sameUntil(now.slice(start), wanted.slice(start));
  text.delete(start, now.length - start - end);
  text.insert(start, wanted.slice(start, wanted.length - end));
}

function overwriteMap(node: Y.Map<unknown>, name: string, wanted: Record<string, unknown>): void {
  const map = node.get(name);
  if (!(map instanceof Y.Map)) {
    node.set(name, new Y.Map(Object.entries(wanted)));
    return;
  }
  for (const key of [...map.keys()]) if (!Object.hasOwn(wanted, key)) map.delete(key);
  for (const [key, value] of Object.entries(wanted)) if (!same(map.get(key), value)) map.set(key, value);
}

/** Whether both ends are there now; one may have been left out of the merge, or deleted by it. */
function join(project: Editable, { id, source, source_socket, target, target_socket }: EdgeView): boolean {
  const bothThere = [source, target].every((end) => {
    const node = record(project, end);
    return node !== undefined && node.get('deleted') !== true;
  });
  if (bothThere) edgeMap(project).set(id, { source, source_socket, target, target_socket });
  return bothThere;
}

/** How many characters two texts begin with alike; never half an emoji. */
function sameFrom(a: string, b: string): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a[count] === b[count]) count += 1;
  return count > 0 && /[\uD800-\uDBFF]/.test(a[count - 1] ?? '') ? count - 1 : count;
}

/** How many characters two texts end with alike; never half an emoji. */
function sameUntil(a: string, b: string): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count += 1;
  return count > 0 && /[\uDC00-\uDFFF]/.test(a.at(-count) ?? '') ? count - 1 : count;
}
