// A document that is opened when somebody asks for it: kept in this browser and in step with the server, like the canvas.
import { HocuspocusProvider, type HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Signal } from '../project/signal';
import type { PresenceUser } from '../schema/generated';
import { epochOf, isFromAnotherEpoch, isOtherEpoch } from './epoch';
import { OfflineCopy, setAside } from './offline';

export type SideOptions = {
  name: string;
  /** Under which this browser keeps it. */
  storedAs: string;
  user: PresenceUser;
  socket: HocuspocusProviderWebsocket;
  token: () => Promise<string>;
  onStateless: (payload: string) => void;
};

const BEGUN_ANEW =
  'This document was begun anew on the server. Your copy is kept in this browser; open the project again to go on.';

export class SideDocument {
  readonly doc: Y.Doc;
  /** Who else has it open, and where their carets are. */
  readonly awareness: Awareness;
  readonly provider: HocuspocusProvider;
  readonly #options: SideOptions;
  readonly #copy: OfflineCopy | undefined;
  readonly #changed = new Signal();
  #merged = false;
  #unsaved = 0;
  #problem = '';

  private constructor(options: SideOptions, doc: Y.Doc, copy: OfflineCopy | undefined) {
    this.#options = options;
    this.doc = doc;
    this.awareness = new Awareness(doc);
    this.#copy = copy;
    this.awareness.setLocalState({ user: options.user });
    this.provider = new HocuspocusProvider({
      name: options.name,
      document: doc,
      awareness: this.awareness,
      websocketProvider: options.socket,
      token: options.token,
      onAuthenticationFailed: ({ reason }) => {
        if (isOtherEpoch(reason)) void this.#leaveEpoch();
        else this.#stop(reason || 'The server did not open this document.');
      },
      onUnsyncedChanges: ({ number }) => this.#know(number),
      onStateless: ({ payload }) => options.onStateless(payload)
    });
    this.provider.attach();
  }

  /** Resolves when the local copy is loaded; the server may answer later or not at all. */
  static async open(options: SideOptions): Promise<SideDocument> {
    const doc = new Y.Doc();
    const copy = await OfflineCopy.open(options.storedAs, doc);
    return new SideDocument(options, doc, copy);
  }

  /** Whether there is anything to show: a local copy or the server's document. */
  get loaded(): boolean {
    this.#changed.read();
    return this.#merged || epochOf(this.doc) !== undefined;
  }

  /** Whether edits of this page are not on the server yet. */
  get hasUnsaved(): boolean {
    this.#changed.read();
    return this.#unsaved > 0;
  }

  /** How many messages with edits the server has not confirmed. */
  get unsaved(): number {
    this.#changed.read();
    return this.#unsaved;
  }

  /** Whether edits survive closing the page. */
  get isKept(): boolean {
    return this.#copy !== undefined;
  }

  /** Why it cannot be opened or goes no further; empty while it can. */
  get problem(): string {
    this.#changed.read();
    return this.#problem;
  }

  /** The server's document comes in; false when it must not be merged with ours. */
  arrived(update: Uint8Array): boolean {
    if (!isFromAnotherEpoch(this.doc, update)) return true;
    void this.#leaveEpoch();
    return false;
  }

  merged(): void {
    this.#merged = true;
    this.#changed.changed();
  }

  async close(): Promise<void> {
    this.provider.destroy();
    await this.#copy?.close();
    this.doc.destroy();
  }

  #know(unsaved: number): void {
    this.#unsaved = unsaved;
    this.#changed.changed();
  }

  #stop(problem: string): void {
    this.#problem = problem;
    this.#changed.changed();
  }

  async #leaveEpoch(): Promise<void> {
    if (this.#problem) return;
    this.#stop(BEGUN_ANEW);
    this.provider.detach();
    await setAside(this.#options.storedAs, this.doc, epochOf(this.doc) ?? 'unknown');
    await this.#copy?.clear();
  }
}
