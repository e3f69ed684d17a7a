// The copy of a document that this browser keeps, so that work goes on without a server and survives a closed page.
import * as idb from 'lib0/indexeddb';
import { IndexeddbPersistence } from 'y-indexeddb';
import * as Y from 'yjs';

const UNSYNCED = 'unsynced/';
const ASIDE = '/aside/';
/** Marks, in the place of an epoch, a copy with edits that the server did not take. */
export const UNSAVED = 'unsaved-';

/** Copies of this page alone, where the browser offers no storage. */
const unkept = new Map<string, Uint8Array>();

/** Moves a document to a name of its own, where it waits for a decision while the original name starts anew. */
export async function setAside(name: string, doc: Y.Doc, epoch: string): Promise<void> {
  const aside = await OfflineCopy.open(`${name}${ASIDE}${epoch}`, doc);
  if (aside) await aside.close();
  else unkept.set(`${name}${ASIDE}${epoch}`, Y.encodeStateAsUpdate(doc));
}

/** Whether what was set aside under that name holds edits that the server did not take. */
export function isUnsaved(name: string): boolean {
  return name.includes(`${ASIDE}${UNSAVED}`);
}

/** The names of what was set aside of that document, by any page of this browser. */
export async function namesAside(name: string): Promise<string[]> {
  const stored = await listDatabases();
  return [...stored, ...unkept.keys()].filter((other) => other.startsWith(`${name}${ASIDE}`)).sort();
}

/** What was set aside under that name. */
export async function readAside(name: string): Promise<Y.Doc> {
  const doc = new Y.Doc();
  const held = unkept.get(name);
  if (held) Y.applyUpdate(doc, held);
  else await (await OfflineCopy.open(name, doc))?.close();
  return doc;
}

/** Forgets for good what was set aside under that name. */
export async function dropAside(name: string): Promise<void> {
  if (!unkept.delete(name)) await idb.deleteDB(name);
}

export class OfflineCopy {
  readonly #store: IndexeddbPersistence;
  /** This page's mark; each page counts for itself, so that two tabs do not overwrite one another. */
  readonly #mark: string;
  #marksOfOthers: string[] = [];

  private constructor(store: IndexeddbPersistence, mark: string) {
    this.#store = store;
    this.#mark = mark;
  }

  /** Loads the local copy into `doc`; undefined when this browser offers no storage (a private window, a full disk). */
  static async open(name: string, doc: Y.Doc): Promise<OfflineCopy | undefined> {
    try {
      // y-indexeddb never settles when opening fails, so it is tried here first.
      (await idb.openDB(name, createStores)).close();
      const store = new IndexeddbPersistence(name, doc);
      await store.whenSynced;
      return new OfflineCopy(store, `${UNSYNCED}${doc.clientID}`);
    } catch {
      return undefined;
    }
  }

  /** How many edits earlier pages made that the server never confirmed. */
  async unsyncedBefore(): Promise<number> {
    const keys = await this.#allKeys();
    this.#marksOfOthers = keys.filter((key) => key.startsWith(UNSYNCED) && key !== this.#mark);
    const counts = await Promise.all(this.#marksOfOthers.map((key) => this.#store.get(key)));
    return counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0);
  }

  /** Notes how many of this page's edits are unconfirmed; `inherited` 0 clears what earlier pages left. */
  async note(own: number, inherited: number): Promise<void> {
    if (own > 0) await this.#store.set(this.#mark, own);
    else await this.#store.del(this.#mark);
    if (inherited === 0) {
      for (const key of this.#marksOfOthers.splice(0)) await this.#store.del(key);
    }
  }

  /** Empties the copy for good, so that the next visit starts from the server's document. */
  async clear(): Promise<void> {
    await this.#store.clearData();
  }

  async close(): Promise<void> {
    await this.#store.destroy();
  }

  async #allKeys(): Promise<string[]> {
    const db = this.#store.db;
    if (!db) return [];
    const [custom] = idb.transact(db, ['custom'], 'readonly');
    return custom ? ((await idb.getAllKeys(custom)) as unknown[]).map(String) : [];
  }
}

/** The same stores that y-indexeddb makes. */
function createStores(db: IDBDatabase): void {
  idb.createStores(db, [['updates', { autoIncrement: true }], ['custom']]);
}

async function listDatabases(): Promise<string[]> {
  try {
    return (await indexedDB.databases()).map((database) => database.name ?? '');
  } catch {
    return [];
  }
}
