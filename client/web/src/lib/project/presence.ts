// Who else is here, what they point at and hold: read from and written to the canvas's awareness.
import type { Awareness } from 'y-protocols/awareness';
import type { Position, PresenceUser } from '../schema/generated';
import { readPosition } from './plain';
import { Signal } from './signal';
import type { Person } from './types';

/** Pointers and dragged nodes are told to the others at most this often. */
const TELL_EVERY_MS = 50;
const HUES = 8;

export class Presence {
  readonly #awareness: Awareness;
  readonly #user: PresenceUser;
  #people: Person[];
  #places = '';
  #drags: ReadonlyMap<string, Position> = new Map();
  readonly #anyChanged = new Signal();
  readonly #attentionChanged = new Signal();
  readonly #dragsChanged = new Signal();
  readonly #told = new Throttle(TELL_EVERY_MS);

  constructor(awareness: Awareness, user: PresenceUser) {
    this.#awareness = awareness;
    this.#user = user;
    this.come();
    this.#people = this.#readPeople();
    awareness.on('change', this.#onChange);
  }

  destroy(): void {
    this.#told.cancel();
    this.#awareness.off('change', this.#onChange);
  }

  /** Is there for the others. */
  come(): void {
    if (this.#awareness.getLocalState()?.user) return;
    const user = this.#user;
    this.#awareness.setLocalState({ user, cursor: null, selection: [], dragging: {}, editing: null });
  }

  /** Is not there any more, while the document stays open. */
  leave(): void {
    this.#awareness.setLocalState(null);
  }

  /** Everybody in the room, me first; changes with every move of a pointer. */
  get people(): Person[] {
    this.#anyChanged.read();
    return this.#people;
  }

  /** The others who have this node selected or are typing in it; does not change with pointers. */
  around(nodeId: string): Person[] {
    this.#attentionChanged.read();
    return this.#people.filter(
      (person) => !person.isMe && (person.editing?.node === nodeId || person.selection.includes(nodeId))
    );
  }

  /** Where the others are holding nodes right now. */
  get drags(): ReadonlyMap<string, Position> {
    this.#dragsChanged.read();
    return this.#drags;
  }

  setSelection(ids: string[]): void {
    this.#set({ selection: ids });
  }

  setEditing(editing: Person['editing']): void {
    this.#set({ editing });
  }

  setCursor(cursor: Position | null): void {
    this.#told.run('cursor', () => this.#set({ cursor }));
  }

  setDragging(dragging: Record<string, Position>): void {
    this.#told.run('dragging', () => this.#set({ dragging }));
  }

  /** Lets go of dragged nodes at once: the document has their places from now on. */
  endDragging(): void {
    this.#told.drop('dragging');
    this.#set({ dragging: {} });
  }

  #set(fields: Partial<Record<'cursor' | 'selection' | 'dragging' | 'editing', unknown>>): void {
    const state = this.#awareness.getLocalState();
    if (state) this.#awareness.setLocalState({ ...state, ...fields });
  }

  readonly #onChange = (): void => {
    this.#people = this.#readPeople();
    const others = this.#people.filter((person) => !person.isMe);
    const places = JSON.stringify(
      others.map(({ clientId, user, selection, editing }) => [clientId, user, selection, editing])
    );
    if (places !== this.#places) {
      this.#places = places;
      this.#attentionChanged.changed();
    }
    const drags = new Map(others.flatMap((person) => Object.entries(person.dragging)));
    if (!samePositions(drags, this.#drags)) {
      this.#drags = drags;
      this.#dragsChanged.changed();
    }
    this.#anyChanged.changed();
  };

  #readPeople(): Person[] {
    const me = this.#awareness.clientID;
    const people: Person[] = [];
    for (const [clientId, state] of this.#awareness.getStates()) {
      const person = readPerson(clientId, clientId === me, state);
      if (person) people.push(person);
    }
    return people.sort((a, b) => Number(b.isMe) - Number(a.isMe) || a.clientId - b.clientId);
  }
}

/** A state that somebody sent, made safe to draw; undefined when it is nobody (the server's own state has no user). */
export function readPerson(
  clientId: number,
  isMe: boolean,
  state: Record<string, unknown>
): Person | undefined {
  const user = state.user as Partial<PresenceUser> | undefined;
  if (!user || typeof user.id !== 'string' || typeof user.name !== 'string') return undefined;
  const hue = Number.isInteger(user.hue) ? Math.abs(user.hue as number) % HUES : 0;
  const editing = state.editing as Person['editing'] | undefined;
  return {
    clientId,
    user: { id: user.id, name: user.name, hue },
    isMe,
    cursor: state.cursor ? readPosition(state.cursor) : null,
    selection: Array.isArray(state.selection) ? state.selection.filter((id) => typeof id === 'string') : [],
    dragging: readDragging(state.dragging),
    editing: typeof editing?.node === 'string' ? { node: editing.node, field: String(editing.field) } : null
  };
}

function readDragging(value: unknown): Record<string, Position> {
  if (!value || typeof value !== 'object') return {};
  return Object.fromEntries(Object.entries(value).map(([id, position]) => [id, readPosition(position)]));
}

function samePositions(a: ReadonlyMap<string, Position>, b: ReadonlyMap<string, Position>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, position] of a) {
    const other = b.get(id);
    if (other?.x !== position.x || other.y !== position.y) return false;
  }
  return true;
}

/** Runs the latest task of each name at most once per interval; the last one is never lost. */
class Throttle {
  readonly #everyMs: number;
  readonly #waiting = new Map<string, () => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  run(name: string, task: () => void): void {
    if (this.#timer !== undefined) {
      this.#waiting.set(name, task);
      return;
    }
    task();
    this.#timer = setTimeout(() => this.#next(), this.#everyMs);
  }

  drop(name: string): void {
    this.#waiting.delete(name);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #next(): void {
    this.#timer = undefined;
    const tasks = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const task of tasks) task();
    if (tasks.length) this.#timer = setTimeout(() => this.#next(), this.#everyMs);
  }
}
