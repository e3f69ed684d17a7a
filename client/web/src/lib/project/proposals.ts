// What the server keeps of edits that it put back, and how one of them is made again.
import { get, projectPath, send } from '../rest';
import * as Y from 'yjs';
import { edgeMap, record, same, step, type Editable } from './commands';
import { overwriteField } from './merge';
import type { Breach } from '../sync/refusal';
import { isNodeType, readEdge } from './plain';

export type Proposal = Breach & {
  at: string;
  document: string;
  /** What was written; null when something was removed. */
  proposed: unknown;
  /** What stood there, and stands again; null when nothing did. */
  kept: unknown;
  /** Whether it was too long for the server to keep. */
  cut?: boolean;
};

/** Rules that somebody can lift, so that sending again makes sense. */
const LIFTABLE: ReadonlySet<string> = new Set([
  'shot_lock',
  'style_lock',
  'picture_lock',
  'contract_lock',
  'role'
]);

export async function listProposals(projectId: string): Promise<Proposal[]> {
  const { entries } = await get<{ entries: Record<string, unknown>[] }>(projectPath(projectId, 'proposals'));
  return entries.map(readProposal).sort((a, b) => (a.at < b.at ? 1 : -1));
}

export function discardProposal(projectId: string, id: string): Promise<unknown> {
  return send('DELETE', projectPath(projectId, 'proposals', id));
}

/** Why it cannot be sent again now, and who can change that; empty when it can. */
export function whyNotAgain(project: Editable, edit: Omit<Proposal, 'kept'>): string {
  if (edit.document !== 'canvas' || edit.root === 'intents') return 'This can be copied, but not sent again.';
  if (edit.cut) return 'It was too long to be kept.';
  if (!LIFTABLE.has(edit.rule)) return 'It would be put back again: the rule stands for everybody.';
  if (edit.root === 'edges') return whyNoEdge(project, edit);
  const node = record(project, edit.record);
  if (!node) return 'It is not on the canvas any more; copy what you wrote.';
  const { record: id, field } = edit;
  const reason = project.whyNotEdit(field === 'deleted' ? { kind: 'whole', id } : { kind: 'node', id });
  if (reason || !project.canWrite) return reason;
  return same(plain(field === '' ? node : node.get(field)), edit.proposed)
    ? 'It stands like this already.'
    : '';
}

/** Writes what was put back once more, as an ordinary edit that can be undone. */
export function sendAgain(project: Editable, edit: Omit<Proposal, 'kept'>): void {
  if (whyNotAgain(project, edit)) return;
  step(project, () => {
    if (edit.root === 'edges') {
      const edge = readEdge(edit.proposed);
      if (edge) edgeMap(project).set(edit.record, edge);
      else edgeMap(project).delete(edit.record);
      return;
    }
    const node = record(project, edit.record);
    const type = node?.get('type');
    if (!node || !isNodeType(type)) return;
    if (edit.field !== '') overwriteField(node, type, edit.field, edit.proposed);
    else if (edit.proposed === null) node.set('deleted', true);
    else
      for (const [name, value] of Object.entries(edit.proposed as object))
        if (name !== 'type') overwriteField(node, type, name, value);
  });
}

/** What stands there now; undefined when the record is gone. */
export function standing(project: Editable, edit: Pick<Proposal, 'root' | 'record' | 'field'>): unknown {
  if (edit.root === 'edges') return edgeMap(project).get(edit.record) ?? null;
  const node = record(project, edit.record);
  return node && plain(edit.field === '' ? node : node.get(edit.field));
}

function whyNoEdge(project: Editable, { proposed, record: id }: Omit<Proposal, 'kept'>): string {
  const edge = readEdge(proposed ?? edgeMap(project).get(id));
  if (!edge) return 'It stands like this already.';
  if (!project.node(edge.source) || !project.node(edge.target))
    return 'One of its two nodes is not on the canvas any more.';
  return project.whyNotEdit({ kind: 'input', id: edge.target, socket: edge.target_socket });
}

function plain(value: unknown): unknown {
  if (value instanceof Y.Text) return value.toString();
  return value instanceof Y.Map ? (value.toJSON() as unknown) : value;
}

function readProposal(entry: Record<string, unknown>): Proposal {
  const text = (name: string) => (typeof entry[name] === 'string' ? entry[name] : '');
  const [root = '', ...rest] = text('record').split('/');
  return {
    id: text('id'),
    at: text('at'),
    document: text('document'),
    root,
    record: rest.join('/'),
    field: text('field'),
    title: text('title'),
    rule: text('rule'),
    message: text('message'),
    lift: text('lift'),
    proposed: entry.proposed ?? null,
    kept: entry.kept ?? null,
    cut: entry.cut === true
  };
}
