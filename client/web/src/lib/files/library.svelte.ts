// The files of the open project, kept up to date: by what is done here, by what others say, and by looking now and then.
import type { Project } from '$lib/project/project.svelte';
import { Loading } from '$lib/shell/loading.svelte';
import { files, type StoredFile } from './rest';
import { Uploads } from './uploads.svelte';

/** The field of one's presence that changes when one has added or removed files. */
const FIELD = 'files_at';
/** Several files arrive one after the other; the list is asked for once. */
const TOGETHER_MS = 300;

export class Library {
  readonly list: Loading<StoredFile[]>;
  readonly uploads: Uploads;
  readonly #project: Project;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told = '';

  constructor(project: Project) {
    this.#project = project;
    this.list = new Loading(() => files.list(project.id));
    this.uploads = new Uploads(project.id, () => this.changed());
  }

  /** Asks for the list, and again when somebody says that it is another one; returns how to stop. */
  watch(): () => void {
    const { awareness } = this.#project;
    this.#told = this.#whatOthersTold();
    awareness.on('change', this.#listen);
    window.addEventListener('online', this.uploads.wake);
    void this.list.refresh();
    return () => {
      clearTimeout(this.#timer);
      awareness.off('change', this.#listen);
      window.removeEventListener('online', this.uploads.wake);
    };
  }

  /** Something was added or removed here. */
  changed(): void {
    this.#refreshSoon();
    if (this.#project.awareness.getLocalState())
      this.#project.awareness.setLocalStateField(FIELD, Date.now());
  }

  readonly #listen = (): void => {
    const told = this.#whatOthersTold();
    if (told === this.#told) return;
    this.#told = told;
    this.#refreshSoon();
  };

  #whatOthersTold(): string {
    const { awareness } = this.#project;
    return [...awareness.getStates()]
      .filter(([client, state]) => client !== awareness.clientID && state[FIELD] !== undefined)
      .map(([client, state]) => `${client}:${String(state[FIELD])}`)
      .sort()
      .join();
  }

  #refreshSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.list.refresh(), TOGETHER_MS);
  }
}
