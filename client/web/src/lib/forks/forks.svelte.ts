// The forks of an open project, and the one that this page shows in the place of the canvas.
import { getContext, setContext } from 'svelte';
import { goto } from '$app/navigation';
import type { Project } from '$lib/project/project.svelte';
import { Loading } from '$lib/shell/loading.svelte';
import { Studio } from '$lib/shell/studio.svelte';
import { toasts } from '$lib/ui/toasts.svelte';
import { rest, type Fork } from './rest';
import type { ForkNotice } from './words';

/** In the page's address: a reload, a link and the browser's way back lead into the same fork. */
export const PARAMETER = 'fork';
const AWAY = 'The server decides about this; it can be done when you are back online.';

export class Forks {
  /** Of the canvas. */
  readonly studio: Studio;
  readonly list: Loading<Fork[]>;
  /** Opened once, and until the project is closed: where somebody was and what they can undo stays. */
  readonly #opened: { name: string; studio: Promise<Studio> }[] = [];
  #name = $state('');
  #room = $state.raw<Studio | undefined>();
  /** The fork whose differences are shown among the versions; empty when versions are. */
  compared = $state('');
  /** What is asked about before it is done. */
  asked = $state.raw<{ what: 'merge' | 'delete'; name: string } | undefined>();
  making = $state(false);
  /** Who has merged the fork that one is in, since one came. */
  mergedBy = $state('');
  /** The fork out of which this page was led last. */
  left = '';
  /** Thrown away from here: nobody has to be told. */
  #mine: readonly string[] = [];

  constructor(studio: Studio) {
    this.studio = studio;
    this.list = new Loading(() => rest.list(studio.project.id));
  }

  /** Name of the fork that one is in; empty on the canvas. */
  get name(): string {
    return this.#name;
  }

  /** The studio of the canvas, or of the fork in its place. */
  get shown(): Studio {
    return this.#room ?? this.studio;
  }

  get #project(): Project {
    return this.studio.project;
  }

  /** Why nobody can make, merge or throw away a fork from here; empty when they can. */
  get whyNot(): string {
    const { connection } = this.#project;
    const away = connection.kind === 'offline' || connection.kind === 'connecting';
    return this.#project.whyNot('edit') || (away ? AWAY : '');
  }

  /** Why a fork cannot be merged now; empty when it can. */
  whyNotMerge(name: string): string {
    if (this.whyNot) return this.whyNot;
    const own = this.#name === name ? this.shown.project.connection.unsynced : 0;
    return own > 0 ? 'Your last edits are still on their way to the server' : '';
  }

  find(name: string): Fork | undefined {
    return this.list.value?.find((fork) => fork.name === name);
  }

  /** Goes into a fork, by the address of the page. */
  enter(name: string): void {
    this.studio.view = 'canvas';
    if (name !== this.#name) visit(name);
  }

  /** Back to the canvas. */
  leave(): void {
    if (this.#name === '') return;
    this.#show('');
    visit('');
  }

  /** Shows what the address of the page names. */
  follow(name: string): void {
    if (name !== this.#name) this.#show(name);
  }

  /** Shows what merging a fork would change. */
  compare(name: string): void {
    this.compared = name;
    this.studio.view = 'versions';
  }

  /** Makes a fork and goes into it; raises ApiError. */
  async make(name: string): Promise<void> {
    await rest.create(this.#project.id, name);
    void this.list.refresh();
    this.enter(name);
  }

  /** Throws a fork away; raises ApiError. */
  async remove(name: string): Promise<void> {
    this.#mine = [...this.#mine, name];
    try {
      await rest.remove(this.#project.id, name);
    } catch (error) {
      this.#mine = this.#mine.filter((other) => other !== name);
      throw error;
    }
    this.#forget(name);
    toasts.show({ title: `You threw the fork “${name}” away`, topic: topicOf(name) });
    void this.list.refresh();
  }

  /** Somebody else has merged a fork or thrown it away. */
  hear({ type, fork, by }: ForkNotice): void {
    void this.list.refresh();
    if (by.id === this.#project.me.id) return;
    if (type === 'merged' && fork === this.#name) this.mergedBy = by.name;
    if (type === 'fork_deleted') this.#forget(fork);
  }

  /** The fork that one is in is there no more, or cannot be opened: says so and leads back to the canvas. */
  leadBack(why: string): void {
    const name = this.#name;
    this.left = name;
    this.#forget(name);
    if (this.#mine.includes(name)) return;
    const told = {
      title: `You are back on the canvas: the fork “${name}” is not there`,
      detail: why,
      topic: topicOf(name)
    };
    toasts.show(told);
    this.studio.notices.add(told);
  }

  close(): void {
    for (const { studio } of this.#opened.splice(0)) void studio.then(({ project }) => project.close());
  }

  #forget(name: string): void {
    if (this.compared === name) this.compared = '';
    if (this.asked?.name === name) this.asked = undefined;
    if (this.#name === name) this.leave();
  }

  #show(name: string): void {
    this.#room?.project.presence.leave();
    this.#room = undefined;
    this.mergedBy = '';
    this.#name = name;
    if (name) {
      this.#project.presence.leave();
      void this.#open(name);
    } else {
      this.#project.presence.come();
    }
  }

  async #open(name: string): Promise<void> {
    let opened = this.#opened.find((each) => each.name === name);
    if (!opened) {
      const opening = this.#project.openFork(name);
      opened = { name, studio: opening.then((project) => new Studio(project, this.studio)) };
      this.#opened.push(opened);
    }
    const studio = await opened.studio;
    if (this.#name !== name) {
      studio.project.presence.leave();
      return;
    }
    studio.project.presence.come();
    this.#room = studio;
  }
}

/** Newer news of a fork take the place of older ones. */
export function topicOf(name: string): string {
  return `fork ${name}`;
}

function visit(name: string): void {
  const address = new URL(location.href);
  if (name) address.searchParams.set(PARAMETER, name);
  else address.searchParams.delete(PARAMETER);
  void goto(address, { keepFocus: true, noScroll: true });
}

const CONTEXT = Symbol('forks');

export function setForks(forks: Forks): Forks {
  return setContext(CONTEXT, forks);
}

export function getForks(): Forks {
  return getContext<Forks>(CONTEXT);
}
