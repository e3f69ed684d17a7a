// A fork in the shape in which a project is read: a document of its own in the place of the canvas, all else is shared.
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { PresenceUser } from '../schema/generated';
import type { SideDocument } from '../sync/side-document';
import type { Source } from './project.svelte';
import type { Connection } from './types';

/** What there is to know of a fork's own document. */
export type ForkState = Pick<SideDocument, 'loaded' | 'unsaved' | 'isKept' | 'problem'>;

export class ForkSource implements Source {
  readonly fork: string;
  readonly past = '';
  /** A fork that was begun anew is gone. */
  readonly aside = undefined;
  readonly #live: Source;
  readonly #own: SideDocument;
  /** The project itself hears what the server says of it. */
  onLive = (): void => undefined;
  onRights = (): void => undefined;
  onNotice = (): void => undefined;
  onRefusal = (): void => undefined;
  onSentAway = (): void => undefined;
  onOutdated = (): void => undefined;

  constructor(fork: string, live: Source, own: SideDocument) {
    this.fork = fork;
    this.#live = live;
    this.#own = own;
  }

  get canvas(): Y.Doc {
    return this.#own.doc;
  }

  get awareness(): Awareness {
    return this.#own.awareness;
  }

  get takes(): Y.Doc {
    return this.#live.takes;
  }

  get production(): Y.Doc {
    return this.#live.production;
  }

  get farmAwareness(): Awareness {
    return this.#live.farmAwareness;
  }

  get loaded(): boolean {
    return this.#own.loaded;
  }

  get mayWrite(): boolean {
    return this.#live.mayWrite && this.#own.loaded && this.#own.problem === '';
  }

  get connection(): Connection {
    return connectionOf(this.#live.connection, this.#own);
  }

  open(name: string, user: PresenceUser): Promise<SideDocument> {
    return this.#live.open(name, user);
  }

  async decideAside(): Promise<void> {
    // There is never anything to decide about.
  }

  askWhatIMayDo(): void {
    this.#live.askWhatIMayDo();
  }

  /** Its document stays open until the project is closed: what was not sent yet is sent. */
  async close(): Promise<void> {
    // Nothing of it is held here alone.
  }
}

/** What the badge says in a fork: the way to the server is the canvas's, what is not saved yet is the fork's. */
export function connectionOf(canvas: Connection, own: ForkState): Connection {
  if (canvas.kind === 'refused' || canvas.kind === 'failed') return canvas;
  const { unsaved } = own;
  if (own.problem) return { kind: 'refused', unsynced: unsaved, message: own.problem };
  if (canvas.kind === 'offline') return { ...canvas, unsynced: unsaved, message: offlineWords(canvas, own) };
  if (canvas.kind !== 'saved' && canvas.kind !== 'saving') return { ...canvas, unsynced: unsaved };
  if (!own.loaded) return { kind: 'connecting', unsynced: unsaved, message: 'Fetching the fork.' };
  return unsaved > 0
    ? { kind: 'saving', unsynced: unsaved, message: 'Saving your edits in this fork.' }
    : { kind: 'saved', unsynced: 0, message: 'Everything in this fork is saved on the server.' };
}

function offlineWords(canvas: Connection, { loaded, unsaved, isKept }: ForkState): string {
  if (!loaded)
    return 'Offline. This fork was never opened in this browser; it is fetched when the server is back.';
  if (unsaved === 0) return canvas.message;
  const where = isKept ? 'kept in this browser' : 'kept only while this page stays open';
  return `Offline. Your edits in this fork are ${where}, to be sent when the server is back.`;
}
