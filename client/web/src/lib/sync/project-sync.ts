// The documents of a project that this page shows, kept in this browser and in step with the server over one socket.
import { HocuspocusProvider, HocuspocusProviderWebsocket, WebSocketStatus } from '@hocuspocus/provider';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { ApiError } from '../errors';
import { Signal } from '../project/signal';
import type { Connection } from '../project/types';
import { CLOSE_CODES, type PresenceUser } from '../schema/generated';
import { describe, mayRetry, pauseFor, refusalFor, type Facts } from './connection';
import { diskFails } from './disk';
import { epochOf, isFromAnotherEpoch, isOtherEpoch } from './epoch';
import { whoIsThere } from './frames';
import { Heartbeat } from './heartbeat';
import { Ledger } from './ledger';
import { meteredSocket } from './metered-socket';
import { dropAside, isUnsaved, namesAside, OfflineCopy, readAside, setAside, UNSAVED } from './offline';
import { readRefusal, type Refusal } from './refusal';
import { SideDocument } from './side-document';

export type SyncOptions = {
  projectId: string;
  /** Local copies belong to one person: somebody else at this browser must not send them under their own name. */
  userId: string;
  /** Whether the role lets this person write; the server's word on the socket counts as soon as it is there. */
  mayWrite: boolean;
  token: () => Promise<string>;
  /** `ws://host/ws/{project}` */
  url: string;
};

type DocumentName = 'canvas' | 'takes' | 'production';
const DOCUMENT_NAMES: DocumentName[] = ['canvas', 'takes', 'production'];
const BEAT_MS = 1_000;
const RETRY_MS = 500;
/** Where there is no place, asking often does not make one. */
const RETRY_WHEN_FULL_MS = 5_000;
/** A first attempt that takes longer than this is called offline. */
const PATIENCE_MS = 8_000;
const SET_ASIDE = 'This project was begun anew on the server. Your copy is kept in this browser.';
const NOT_SAVED = 'You may only read this project. What you changed is kept as a copy in this browser.';

/** A copy of the canvas which waits for somebody to decide. */
export type Aside = {
  readonly name: string;
  readonly canvas: Y.Doc;
  /** `epoch`: of an earlier life of the canvas; `unsaved`: it holds edits that the server did not take. */
  readonly kind: 'epoch' | 'unsaved';
};

class ProjectSocket extends HocuspocusProviderWebsocket {
  /** Takes the connection for lost without waiting for the browser, for which closing a silent socket takes long. */
  lose(): void {
    this.emit('close', { event: { code: 1006, reason: 'silent' } });
  }

  waitBeforeRetry(milliseconds: number): void {
    this.configuration.delay = milliseconds;
  }
}

export class ProjectSync {
  /** These documents are today's. */
  readonly past = '';
  readonly fork = '';
  readonly canvas = new Y.Doc();
  readonly takes = new Y.Doc();
  /** Locks and scene chains. */
  readonly production = new Y.Doc();
  /** Presence of people. */
  readonly awareness = new Awareness(this.canvas);
  /** Presence of the farm: how far jobs are. */
  readonly farmAwareness = new Awareness(this.takes);

  readonly #options: SyncOptions;
  readonly #ledger = new Ledger();
  readonly #changed = new Signal();
  readonly #copies = new Map<DocumentName, OfflineCopy>();
  readonly #merged = new Set<string>();
  /** Opened on demand, and until the project is closed: where somebody was and what they can undo stays. */
  readonly #side = new Map<string, Promise<SideDocument>>();
  readonly #sideOpen = new Map<string, SideDocument>();
  #socket: ProjectSocket | undefined;
  #providers: HocuspocusProvider[] = [];
  #heartbeat = new Heartbeat(() => this.#ask(), Date.now());
  #timers: ReturnType<typeof setInterval>[] = [];
  #facts: Facts;
  #connection: Connection;
  #noting: Promise<void> = Promise.resolve();
  #noteQueued = false;
  #closed = false;
  #aside: Aside | undefined;
  #decided: Aside | undefined;
  /** Called when the server turned out to have another epoch: what is shown here must be opened anew. */
  onOutdated: () => void = () => undefined;
  /** Called when the canvas is in step with the server again. */
  onLive: () => void = () => undefined;
  /** Called when the server has said what this person may do: at every joining, and when it changes. */
  onRights: () => void = () => undefined;
  /** Called with whatever else the server tells everybody who is here. */
  onNotice: (payload: string) => void = () => undefined;
  /** Called when the server put edits of ours back. */
  onRefusal: (refusal: Refusal) => void = () => undefined;
  /** Called when the server does not want this page back; the close code, or 0 when it only said no. */
  onSentAway: (code: number) => void = () => undefined;

  private constructor(options: SyncOptions) {
    this.#options = options;
    this.#facts = {
      browserOnline: true,
      live: false,
      stalled: false,
      first: true,
      mayWrite: options.mayWrite,
      changeRefused: false,
      settled: false,
      unsynced: 0,
      diskFails: false,
      keptLocally: false,
      pause: '',
      refusal: '',
      failure: ''
    };
    this.#connection = describe(this.#facts);
    this.farmAwareness.setLocalState(null);
  }

  /** Resolves when the local copies are loaded; the server may answer later or not at all. */
  static async open(options: SyncOptions): Promise<ProjectSync> {
    const sync = new ProjectSync(options);
    await Promise.all(DOCUMENT_NAMES.map((name) => sync.#loadCopy(name, sync[name])));
    const canvasCopy = sync.#copies.get('canvas');
    if (canvasCopy) sync.#ledger.inherit(await canvasCopy.unsyncedBefore());
    sync.#know({ keptLocally: canvasCopy !== undefined, unsynced: sync.#ledger.unsynced });
    await sync.#loadAside();
    sync.#connect();
    return sync;
  }

  get connection(): Connection {
    this.#changed.read();
    return this.#connection;
  }

  get mayWrite(): boolean {
    this.#changed.read();
    return this.#facts.mayWrite && !this.#facts.refusal && !this.#facts.failure;
  }

  /** Whether there is anything to show: a local copy or the server's document. */
  get loaded(): boolean {
    this.#changed.read();
    return this.#merged.has('canvas') || epochOf(this.canvas) !== undefined;
  }

  /** A document besides those that are always open, e.g. `script/treatment`; its local copy is loaded then. */
  open(name: string, user: PresenceUser): Promise<SideDocument> {
    let opening = this.#side.get(name);
    if (!opening) this.#side.set(name, (opening = this.#openSide(name, user)));
    return opening;
  }

  async #openSide(name: string, user: PresenceUser): Promise<SideDocument> {
    const document = await SideDocument.open({
      name,
      storedAs: this.#nameOf(name),
      user,
      socket: this.#socket as ProjectSocket,
      token: () => this.#token(),
      onStateless: (payload) => this.#hearStateless(payload)
    });
    this.#sideOpen.set(name, document);
    this.#providers.push(document.provider);
    if (this.#closed) void document.close();
    return document;
  }

  get aside(): Aside | undefined {
    this.#changed.read();
    return this.#aside;
  }

  /** Forgets the copy that was set aside; `whenSaved`, only after all edits made so far are on the server's disk. */
  async decideAside({ whenSaved }: { whenSaved: boolean }): Promise<void> {
    const aside = this.#aside;
    if (!aside) return;
    this.#aside = undefined;
    this.#decided = aside;
    this.#changed.changed();
    if (whenSaved) {
      this.#dropWhenSaved();
    } else {
      await this.#drop();
      await this.#loadAside();
    }
  }

  /** Has the server decide again what this person may do, now that their role is another one. */
  askWhatIMayDo(): void {
    if (this.#facts.live) for (const provider of this.#providers) void provider.sendToken();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    window.removeEventListener('offline', this.#wentOffline);
    window.removeEventListener('online', this.#cameOnline);
    const side = [...this.#sideOpen.values()];
    for (const provider of this.#providers.slice(0, DOCUMENT_NAMES.length)) provider.destroy();
    await Promise.all(side.map((document) => document.close()));
    this.#socket?.destroy();
    await this.#noting;
    await Promise.all([...this.#copies.values()].map((copy) => copy.close()));
    for (const name of DOCUMENT_NAMES) this[name].destroy();
  }

  async #loadCopy(name: DocumentName, doc: Y.Doc): Promise<void> {
    const copy = await OfflineCopy.open(this.#nameOf(name), doc);
    if (copy) this.#copies.set(name, copy);
  }

  #nameOf(name: string): string {
    const { userId, projectId } = this.#options;
    return `workprint/${userId}/${projectId}/${name}`;
  }

  /** One after the other, should there be several. */
  async #loadAside(): Promise<void> {
    const [name] = await namesAside(this.#nameOf('canvas'));
    this.#aside =
      name === undefined
        ? undefined
        : { name, canvas: await readAside(name), kind: isUnsaved(name) ? 'unsaved' : 'epoch' };
    this.#changed.changed();
  }

  async #drop(): Promise<void> {
    const decided = this.#decided;
    this.#decided = undefined;
    if (decided) await dropAside(decided.name);
  }

  #dropWhenSaved(): void {
    if (this.#decided && this.#connection.kind === 'saved') void this.#drop().then(() => this.#loadAside());
  }

  #connect(): void {
    // Before the providers are made: a change must be in the ledger when the provider sends it.
    this.canvas.on('update', this.#onCanvasUpdate);
    this.awareness.on('change', () => this.#know({ diskFails: diskFails(this.awareness) }));
    window.addEventListener('offline', this.#wentOffline);
    window.addEventListener('online', this.#cameOnline);
    this.#socket = new ProjectSocket({
      url: this.#options.url,
      WebSocketPolyfill: this.#makeSocketClass(),
      delay: RETRY_MS,
      minDelay: RETRY_MS,
      factor: 1.5,
      maxDelay: 8_000,
      // Our heartbeat judges silence; this one would give up on a healthy but quiet server.
      messageReconnectTimeout: 3_600_000,
      onClose: ({ event }) => this.#onSocketClosed(event.code, event.reason)
    });
    this.#providers = [
      this.#attach('canvas', this.canvas, this.awareness),
      this.#attach('takes', this.takes, this.farmAwareness),
      this.#attach('production', this.production, null)
    ];
    this.#timers.push(setInterval(() => this.#beat(), BEAT_MS));
    setTimeout(() => this.#know({ first: false }), PATIENCE_MS);
  }

  #attach(name: DocumentName, document: Y.Doc, awareness: Awareness | null): HocuspocusProvider {
    const provider = new HocuspocusProvider({
      name,
      document,
      awareness,
      websocketProvider: this.#socket as ProjectSocket,
      token: () => this.#token(),
      onAuthenticated: ({ scope }) => {
        if (name === 'canvas') this.#admitted(scope === 'read-write');
      },
      onAuthenticationFailed: ({ reason }) => {
        // Only after a race: we look before we send anything.
        if (isOtherEpoch(reason)) void this.#leaveEpoch(name);
        else this.#refuse(reason || 'The server did not accept your sign-in.', 0);
      },
      onStateless: ({ payload }) => this.#hearStateless(payload)
    });
    provider.attach();
    return provider;
  }

  #hearStateless(payload: string): void {
    const refusal = readRefusal(payload);
    if (refusal) this.onRefusal(refusal);
    else this.onNotice(payload);
  }

  #admitted(mayWrite: boolean): void {
    const promoted = mayWrite && !this.#facts.mayWrite && this.#facts.live;
    this.#know({ mayWrite });
    // The provider still counts what was refused so far; this starts its count anew.
    if (promoted) this.#providers[0]?.forceSync();
    this.onRights();
  }

  /** An empty token makes the server look at the cookie, so a failed request for one is not the end. */
  async #token(): Promise<string> {
    try {
      return await this.#options.token();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401)
        this.#refuse(refusalFor(CLOSE_CODES.UNAUTHORISED, ''), CLOSE_CODES.UNAUTHORISED);
      return '';
    }
  }

  #makeSocketClass(): typeof WebSocket {
    return meteredSocket({
      opening: () => this.#ledger.opened(),
      heard: () => this.#heard(),
      sent: (frame) => {
        if (frame.document !== 'canvas') return;
        if (frame.kind === 'update') this.#ledger.sentUpdate(frame.payload);
        else this.#ledger.sentEverything();
      },
      answered: (document, accepted) => {
        if (document !== 'canvas') return;
        this.#ledger.answered(accepted);
        this.#know({ settled: this.#ledger.settled, changeRefused: this.#ledger.refused });
        this.#ledgerChanged();
        if (this.#ledger.refused) void this.#keepUnsaved();
      },
      arrived: (document, update) => {
        const side = this.#sideOpen.get(document);
        if (side) return side.arrived(update);
        const name = DOCUMENT_NAMES.find((known) => known === document);
        if (!name) return false;
        if (!isFromAnotherEpoch(this[name], update)) return true;
        void this.#leaveEpoch(name);
        return false;
      },
      merged: (document) => {
        this.#merged.add(document);
        this.#sideOpen.get(document)?.merged();
        if (document !== 'canvas') return;
        this.#know({ live: true, first: false, pause: '' });
        this.onLive();
      }
    });
  }

  readonly #onCanvasUpdate = (update: Uint8Array, origin: unknown): void => {
    if (this.#providers.includes(origin as HocuspocusProvider)) return;
    this.#ledger.changed(update);
    this.#ledgerChanged();
  };

  #ledgerChanged(): void {
    this.#know({ unsynced: this.#ledger.unsynced });
    if (this.#noteQueued) return;
    this.#noteQueued = true;
    this.#noting = this.#noting.then(async () => {
      this.#noteQueued = false;
      await this.#copies.get('canvas')?.note(this.#ledger.own, this.#ledger.inherited);
    });
  }

  #heard(): void {
    this.#heartbeat.heard(Date.now());
    if (!this.#facts.browserOnline || this.#facts.stalled)
      this.#know({ browserOnline: true, stalled: false });
  }

  #beat(): void {
    if (this.#socket?.status !== WebSocketStatus.Connected) {
      this.#heartbeat.heard(Date.now());
      return;
    }
    if (!this.#heartbeat.beat(Date.now())) return;
    this.#know({ stalled: true });
    this.#heartbeat.heard(Date.now());
    this.#socket.lose();
  }

  #ask(): void {
    const socket = this.#socket?.webSocket;
    if (socket?.readyState === WebSocket.OPEN) socket.send(whoIsThere('canvas'));
  }

  readonly #wentOffline = (): void => {
    this.#know({ browserOnline: false });
    this.#heartbeat.askNow(Date.now());
  };

  readonly #cameOnline = (): void => {
    if (this.#facts.refusal || this.#facts.failure) return;
    this.#know({ browserOnline: true });
    if (this.#socket?.status === WebSocketStatus.Connected) this.#heartbeat.askNow(Date.now());
    else void this.#socket?.connect();
  };

  #onSocketClosed(code: number, reason: string): void {
    const pause = pauseFor(code, reason, this.#facts.pause);
    this.#know({ live: false, first: false, settled: false, pause });
    this.#socket?.waitBeforeRetry(code === CLOSE_CODES.TRY_AGAIN_LATER ? RETRY_WHEN_FULL_MS : RETRY_MS);
    if (!mayRetry(code)) this.#refuse(refusalFor(code, reason), code);
  }

  #refuse(reason: string, code: number): void {
    this.#know({ refusal: reason });
    this.#socket?.disconnect();
    this.onSentAway(code);
  }

  /**
   * The server takes no edits of ours, so what is on screen is not what everybody else sees. A CRDT takes nothing back:
   * the canvas is put aside as it is, and begun again from the server's.
   */
  async #keepUnsaved(): Promise<void> {
    if (this.#facts.failure) return;
    this.#know({ failure: NOT_SAVED });
    this.#socket?.disconnect();
    await this.#noting;
    await setAside(this.#nameOf('canvas'), this.canvas, `${UNSAVED}${this.canvas.clientID}`);
    await this.#forget('canvas');
    this.onOutdated();
  }

  /** Stops, instead of mixing two histories. The canvas may hold edits, so it is kept; what the server wrote is not. */
  async #leaveEpoch(name: DocumentName): Promise<void> {
    if (this.#facts.failure) return;
    this.#know({ failure: SET_ASIDE });
    this.#socket?.disconnect();
    await this.#noting;
    if (name === 'canvas') {
      await setAside(this.#nameOf(name), this.canvas, epochOf(this.canvas) ?? 'unknown');
      await this.#forget('canvas');
    }
    // Most likely begun anew as well; nothing is lost when it was not.
    await this.#forget('takes');
    await this.#forget('production');
    this.onOutdated();
  }

  async #forget(name: DocumentName): Promise<void> {
    const copy = this.#copies.get(name);
    this.#copies.delete(name);
    await copy?.clear();
  }

  #know(facts: Partial<Facts>): void {
    if (this.#closed) return;
    this.#facts = { ...this.#facts, ...facts };
    this.#connection = describe(this.#facts);
    this.#changed.changed();
    this.#dropWhenSaved();
  }
}
