// May somebody do that here? If not: why not, and who can. The server decides; this says it beforehand, in one place.
import {
  ACTIONS,
  OPTICS,
  ROLES,
  WHILE_LOCKED,
  WHO,
  type Action,
  type NodeType,
  type Role
} from '../schema/generated';
import { STYLE_LOCKED, type LockView } from './locks';
import type { Connection } from './types';

/** What an action is done to, where that makes a difference. */
export type Thing =
  | { kind: 'node'; id: string }
  | { kind: 'parameter'; id: string; name: string }
  /** Joining an edge to an input, or taking one off it. */
  | { kind: 'input'; id: string; socket: string }
  /** Removing a node with the edges at it. */
  | { kind: 'whole'; id: string }
  | { kind: 'contract' };

/** What the answer depends on; `Project` has it. */
export interface Standing {
  readonly me: { readonly id: string; readonly guest?: boolean };
  readonly role: Role;
  readonly connection: Pick<Connection, 'kind' | 'message'>;
  /** Why nothing can be done at all: an earlier version is shown. */
  readonly past?: string;
  /** The fork that is worked in; empty on the canvas itself. */
  readonly fork?: string;
  /** Whether the server takes edits of the canvas from us, as far as is known. */
  readonly takesEdits: boolean;
  readonly locks: {
    shot(node: string): LockView | undefined;
    style(node: string): LockView | undefined;
    isStyled(shot: string): boolean;
    readonly contract: LockView | undefined;
  };
  node(id: string): { type: NodeType; title: string } | undefined;
  edgesOf(id: string): readonly { source: string; target: string; target_socket: string }[];
}

/** Done through the shared canvas, so also while the server is away. */
const ON_CANVAS: ReadonlySet<Action> = new Set<Action>(['edit', 'generate', 'cancel']);
const DOING: Partial<Record<Action, string>> = {
  annotate: 'draw and write notes',
  vote: 'vote',
  lock: 'lock',
  unlock: 'unlock',
  override_budget: 'override the budget',
  edit_locked_contract: 'change a locked brief',
  manage_members: 'say who is a member',
  manage_shares: 'make guest links',
  manage_remote: 'say where the project is pushed',
  manage_farm: 'look after the farm',
  read_audit: 'read the audit log',
  delete_project: 'delete the project',
  export: 'export',
  transfer_ownership: 'hand the project over',
  grant_admin: 'make somebody an admin'
};

/** Whether a role stands at `least` or above it. */
export function reaches(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

export function roleMay(role: Role, action: Action): boolean {
  return reaches(role, ACTIONS[action]);
}

/** "an admin or the owner of this project". */
export function whoMay(action: Action): string {
  return WHO[ACTIONS[action]];
}

/** Why a role may not do something, and who can; empty when it may. `create_project` is asked of the workspace. */
export function whyRoleMayNot(role: Role, action: Action, guest = false): string {
  if (roleMay(role, action)) return '';
  const least = ACTIONS[action];
  const mine = `You are ${withArticle(role)}${action === 'create_project' ? '' : ' of this project'}.`;
  if (reaches('editor', least)) {
    if (guest) return `${mine} Whoever sent you the link can invite you as ${withArticle(least)}.`;
    const who = action === 'create_project' ? 'An admin' : sentence(whoMay('manage_members'));
    return `${mine} ${who} can make you ${withArticle(least)}.`;
  }
  return `Only ${whoMay(action)} can ${DOING[action] ?? 'do this'}; you are ${withArticle(role)}.`;
}

/** Why it cannot be done now, and who can change that; empty when it can. */
export function whyNot(standing: Standing, action: Action, thing?: Thing): string {
  return (
    standing.past ||
    whyRoleMayNot(standing.role, action, standing.me.guest) ||
    whyNotReached(standing, action) ||
    whyNotInFork(standing, action) ||
    (thing ? whyLocked(standing, action, thing) : '')
  );
}

/** "Locked by Ana", "Locked by you". */
export function lockedBy(lock: LockView, me: { readonly id: string }): string {
  return `Locked by ${lock.by === me.id ? 'you' : lock.byName}`;
}

/** Who can lift a lock, as a sentence to the person who reads it. */
export function whoUnlocks(role: Role): string {
  return roleMay(role, 'unlock') ? 'You can unlock it.' : `${sentence(whoMay('unlock'))} can unlock it.`;
}

function whyNotReached({ connection, takesEdits }: Standing, action: Action): string {
  if (connection.kind === 'refused' || connection.kind === 'failed') return connection.message;
  if (ON_CANVAS.has(action)) return takesEdits ? '' : connection.message;
  if (connection.kind === 'offline')
    return 'The server decides about this; it can be done when you are back online.';
  return '';
}

function whyNotInFork({ fork }: Standing, action: Action): string {
  if (!fork) return '';
  if (action === 'generate')
    return 'Takes are made on the canvas only. Merge this fork, then generate there.';
  if (action === 'cancel') return 'This is under way on the canvas. Go back to the canvas to stop it.';
  if (action === 'lock' || action === 'unlock')
    return 'Locks are set on the canvas and hold in its forks too. Go back to the canvas for that.';
  return '';
}

function whyLocked(standing: Standing, action: Action, thing: Thing): string {
  const { locks, role, me } = standing;
  if (!(action in WHILE_LOCKED)) return '';
  if (thing.kind === 'contract') {
    const lock = locks.contract;
    if (!lock || roleMay(role, WHILE_LOCKED.edit_project ?? action)) return '';
    return `The brief is l${lockedBy(lock, me).slice(1)}. ${sentence(whoMay('edit_locked_contract'))} can change or unlock it.`;
  }
  const shot = locks.shot(thing.id);
  if (shot) return `This shot is l${lockedBy(shot, me).slice(1)}. ${whoUnlocks(role)}`;
  const style = locks.style(thing.id);
  if (style && thing.kind !== 'input')
    return `This style is l${lockedBy(style, me).slice(1)}. ${whoUnlocks(role)}`;
  if (belongsToLook(thing) && locks.isStyled(thing.id)) return STYLE_LOCKED;
  return thing.kind === 'whole' ? whyItStays(standing, thing.id) : '';
}

function belongsToLook(thing: Thing): boolean {
  return (
    (thing.kind === 'parameter' && OPTICS.includes(thing.name)) ||
    (thing.kind === 'input' && thing.socket === 'style')
  );
}

/** What goes into a locked shot stays, or the shot would lose an edge. */
function whyItStays(standing: Standing, id: string): string {
  const from = standing.edgesOf(id).filter(({ source }) => source === id);
  if (from.some((each) => each.target_socket === 'style' && standing.locks.isStyled(each.target)))
    return STYLE_LOCKED;
  const edge = from.find(({ target }) => standing.locks.shot(target));
  if (!edge) return '';
  const title = standing.node(edge.target)?.title ?? 'A shot';
  return `“${title}”, which it is joined to, is locked. ${whoUnlocks(standing.role)}`;
}

function withArticle(role: Role): string {
  return role === 'owner' ? 'the owner' : `${/^[aeiou]/.test(role) ? 'an' : 'a'} ${role}`;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
