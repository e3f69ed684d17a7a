// Files on their way to a project: two at a time, each with its progress, cancelled or waiting for the connection.
import { ApiError, messageOf, traceIdOf } from '../errors';
import type { FileCategory } from './categories';
import { files, RESUMABLE_BYTES } from './rest';
import { isCancelled } from './transfer';

export type UploadState = 'waiting' | 'sending' | 'paused' | 'checking' | 'failed';

const AT_ONCE = 2;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** Without a connection an upload is tried for this long before it asks for help. */
const PATIENCE_MS = 10 * 60_000;

/** Why a file is not even sent; empty when it may be. */
export function whyNotSend(file: Pick<File, 'name' | 'size'>): string {
  if (file.size === 0) return `${file.name} is empty, or a folder. Drop the files in it.`;
  if (file.name.startsWith('.')) return `${file.name} is a hidden file of the system, and was left out.`;
  return '';
}

export class Upload {
  readonly file: File;
  readonly category: FileCategory;
  readonly controller = new AbortController();
  state = $state<UploadState>('waiting');
  sentBytes = $state(0);
  error = $state('');
  traceId = $state('');
  /** Whether sending it again may end better. */
  mayRetry = $state(false);
  /** At the server, of one that is sent in pieces. */
  id = '';

  constructor(file: File, category: FileCategory) {
    this.file = file;
    this.category = category;
  }

  get percent(): number {
    return this.file.size > 0 ? Math.floor((this.sentBytes / this.file.size) * 100) : 0;
  }
}

export class Uploads {
  readonly #project: string;
  readonly #onDone: () => void;
  #list = $state.raw<readonly Upload[]>([]);

  /** `onDone` is called whenever a file has arrived. */
  constructor(project: string, onDone: () => void) {
    this.#project = project;
    this.#onDone = onDone;
  }

  /** Those that are not done: under way, waiting, or failed. */
  get list(): readonly Upload[] {
    return this.#list;
  }

  get running(): number {
    return this.#list.filter(({ state }) => state !== 'failed').length;
  }

  add(offered: Iterable<File>, category: FileCategory): void {
    const added = [...offered].map((file) => {
      const upload = new Upload(file, category);
      const reason = whyNotSend(file);
      if (reason) fail(upload, reason);
      return upload;
    });
    this.#list = [...this.#list, ...added];
    this.#next();
  }

  cancel(upload: Upload): void {
    upload.controller.abort();
    this.#drop(upload);
    // What has arrived of it; the server forgets it by itself after a while anyway.
    if (upload.id) void files.cancel(this.#project, upload.id).catch(() => undefined);
  }

  /** Tries one that failed again, from where it stopped. */
  retry(upload: Upload): void {
    const again = new Upload(upload.file, upload.category);
    again.id = upload.id;
    this.#list = this.#list.map((other) => (other === upload ? again : other));
    this.#next();
  }

  /** Goes on now instead of after the pause. */
  readonly wake = (): void => void this.#woken.dispatchEvent(new Event('wake'));
  readonly #woken = new EventTarget();

  stop(): void {
    for (const upload of this.#list) upload.controller.abort();
  }

  #drop(upload: Upload): void {
    this.#list = this.#list.filter((other) => other !== upload);
    this.#next();
  }

  #next(): void {
    const busy = this.#list.filter(({ state }) => !['waiting', 'failed'].includes(state)).length;
    const waiting = this.#list.filter(({ state }) => state === 'waiting');
    for (const upload of waiting.slice(0, AT_ONCE - busy)) {
      upload.state = 'sending';
      void this.#run(upload);
    }
  }

  async #run(upload: Upload): Promise<void> {
    try {
      await this.#persist(upload);
      this.#drop(upload);
      this.#onDone();
    } catch (error) {
      if (isCancelled(error)) return;
      upload.mayRetry = error instanceof ApiError && error.isTemporary;
      // What is wrong with the file itself needs nobody who reads the server's log.
      fail(upload, messageOf(error), upload.mayRetry ? traceIdOf(error) : '');
      this.#next();
    }
  }

  /** Sends it, and goes on after every loss of the connection. */
  async #persist(upload: Upload): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    let lost = 0;
    for (;;) {
      const before = upload.sentBytes;
      try {
        return await this.#send(upload);
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isTemporary || isCancelled(error)) throw error;
        if (upload.sentBytes > before) [pause, lost] = [FIRST_PAUSE_MS, 0];
        if (lost > PATIENCE_MS) throw error;
        upload.state = 'paused';
        await this.#wait(pause, upload.controller.signal);
        lost += pause;
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
        upload.state = 'sending';
      }
    }
  }

  async #send(upload: Upload): Promise<void> {
    const { file, category, controller } = upload;
    const onSent = (sent: number) => {
      upload.sentBytes = sent;
      if (sent >= file.size) upload.state = 'checking';
    };
    if (file.size <= RESUMABLE_BYTES)
      return files.sendWhole(this.#project, file, category, onSent, controller.signal);
    let offset = await this.#begin(upload);
    while (offset < file.size)
      offset = await files.sendPiece(this.#project, upload.id, file, offset, onSent, controller.signal);
  }

  /** Where to go on: what the server has of it. */
  async #begin(upload: Upload): Promise<number> {
    if (upload.id) {
      try {
        return await files.offset(this.#project, upload.id);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        // The server has forgotten it.
      }
    }
    const begun = await files.begin(this.#project, upload.file, upload.category);
    upload.id = begun.id;
    return begun.offset;
  }

  #wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#woken.removeEventListener('wake', go);
        resolve();
      };
      const timer = setTimeout(go, milliseconds);
      this.#woken.addEventListener('wake', go);
      signal.addEventListener('abort', go);
    });
  }
}

function fail(upload: Upload, error: string, traceId = ''): void {
  upload.state = 'failed';
  upload.error = error;
  upload.traceId = traceId;
}
