// The copy of a document that this browser keeps, so that work goes on without a server and survives a closed page.
import * as idb from 'lib0/indexeddb';
import { IndexeddbPersistence } from 'y-indexeddb';
import type * as Y from 'yjs';

const UNSYNCED = 'unsynced/';

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

  /** Moves the copy to a name of its own, so that the next visit starts from the server's document. */
  async setAside(doc: Y.Doc, epoch: string): Promise<void> {
    const aside = new IndexeddbPersistence(`${this.#store.name}/aside/${epoch}`, doc);
    await aside.whenSynced;
    await aside.destroy();
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
