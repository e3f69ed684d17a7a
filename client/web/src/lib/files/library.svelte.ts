// The files of the open project, kept up to date: by what is done here, and by what the server says.
import type { Project } from '$lib/project/project.svelte';
import { Loading } from '$lib/shell/loading.svelte';
import { onTold } from '$lib/sync/told';
import { files, type StoredFile } from './rest';
import { Uploads } from './uploads.svelte';

/** Several files arrive one after the other; the list is asked for once. */
const TOGETHER_MS = 300;

export class Library {
  readonly list: Loading<StoredFile[]>;
  readonly uploads: Uploads;
  readonly #project: Project;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(project: Project) {
    this.#project = project;
    this.list = new Loading(() => files.list(project.id));
    this.uploads = new Uploads(project.id, () => this.changed());
  }

  /** Asks for the list, and again when somebody says that it is another one; returns how to stop. */
  watch(): () => void {
    const stop = onTold(this.#project.farmAwareness, 'files', () => this.#refreshSoon());
    window.addEventListener('online', this.uploads.wake);
    void this.list.refresh();
    return () => {
      clearTimeout(this.#timer);
      stop();
      window.removeEventListener('online', this.uploads.wake);
    };
  }

  /** Something was added or removed here. */
  changed(): void {
    this.#refreshSoon();
  }

  #refreshSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.list.refresh(), TOGETHER_MS);
  }
}
