// What is locked in a project, read from the `production` document. Any client may have written anything: it is checked.
import * as Y from 'yjs';
import { RULE_TEXTS, type LockKind } from '../schema/generated';
import { Signal } from './signal';

/** What everybody reads where a chain's look stands still, word for word (G-033). */
export const STYLE_LOCKED = `${RULE_TEXTS.style_lock}.`;

export type LockView = {
  kind: LockKind;
  /** Id of the node or scene chain; empty for the contract. */
  target: string;
  by: string;
  byName: string;
  at: string;
  reason: string;
};

type Read = {
  list: LockView[];
  byKey: Map<string, LockView>;
  /** Shots of chains that have a master style. */
  styled: Set<string>;
};

export class Locks {
  readonly #roots: Y.Map<unknown>[];
  readonly #changed = new Signal();
  #read: Read | undefined;

  constructor(production: Y.Doc) {
    this.#roots = ['locks', 'chains', 'segments'].map((name) => production.getMap(name));
    for (const root of this.#roots) root.observeDeep(this.#onChange);
  }

  destroy(): void {
    for (const root of this.#roots) root.unobserveDeep(this.#onChange);
  }

  /** Oldest first. */
  get list(): readonly LockView[] {
    return this.#today.list;
  }

  get contract(): LockView | undefined {
    return this.#today.byKey.get('contract');
  }

  shot(node: string): LockView | undefined {
    return this.#today.byKey.get(`shot:${node}`);
  }

  style(node: string): LockView | undefined {
    return this.#today.byKey.get(`style:${node}`);
  }

  picture(chain: string): LockView | undefined {
    return this.#today.byKey.get(`picture:${chain}`);
  }

  /** The lock of a node, whatever it is. */
  node(id: string): LockView | undefined {
    return this.shot(id) ?? this.style(id);
  }

  /** Whether a shot belongs to a chain whose look stands still. */
  isStyled(shot: string): boolean {
    return this.#today.styled.has(shot);
  }

  get #today(): Read {
    this.#changed.read();
    return (this.#read ??= read(this.#roots as [Y.Map<unknown>, Y.Map<unknown>, Y.Map<unknown>]));
  }

  readonly #onChange = (): void => {
    this.#read = undefined;
    this.#changed.changed();
  };
}

function read([locks, chains, segments]: [Y.Map<unknown>, Y.Map<unknown>, Y.Map<unknown>]): Read {
  const byKey = new Map<string, LockView>();
  for (const value of locks.values()) {
    const lock = readLock(plain(value));
    if (lock) byKey.set(lock.kind === 'contract' ? 'contract' : `${lock.kind}:${lock.target}`, lock);
  }
  const styled = new Set<string>();
  for (const value of segments.values()) {
    const { chain, shot } = plain(value);
    const { master_style_context: style, deleted } = plain(chains.get(String(chain)));
    if (style && deleted !== true && typeof shot === 'string') styled.add(shot);
  }
  const list = [...byKey.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
  return { list, byKey, styled };
}

function readLock({ kind, target, by, by_name, at, reason }: Record<string, unknown>): LockView | undefined {
  if (kind !== 'shot' && kind !== 'style' && kind !== 'picture' && kind !== 'contract') return undefined;
  return {
    kind,
    target: text(target),
    by: text(by),
    byName: text(by_name) || 'somebody',
    at: text(at),
    reason: text(reason)
  };
}

function plain(value: unknown): Record<string, unknown> {
  const json: unknown = value instanceof Y.Map ? value.toJSON() : value;
  return json !== null && typeof json === 'object' ? (json as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
