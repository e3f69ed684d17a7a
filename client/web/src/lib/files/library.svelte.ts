// The files of the open project, kept up to date: by what is done here, and by what the server says.
import type { Awareness } from 'y-protocols/awareness';
import type { Project } from '$lib/project/project.svelte';
import { Loading } from '$lib/shell/loading.svelte';
import { files, type StoredFile } from './rest';
import { Uploads } from './uploads.svelte';

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
    const { farmAwareness: awareness } = this.#project;
    this.#told = filesVersion(awareness);
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
  }

  readonly #listen = (): void => {
    const told = filesVersion(this.#project.farmAwareness);
    if (told === this.#told) return;
    this.#told = told;
    this.#refreshSoon();
  };

  #refreshSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.list.refresh(), TOGETHER_MS);
  }
}

/** What the server says, through its own presence, of the files as they are now: another word after every change. */
export function filesVersion(awareness: Awareness): string {
  for (const { user, files: said } of awareness.getStates().values()) {
    const version = (said as { version?: unknown } | undefined)?.version;
    if (user === undefined && typeof version === 'string') return version;
  }
  return '';
}
