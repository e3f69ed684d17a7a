// The versions of a project, newest first, as far as they have been fetched; new ones come on top.
import { leaveIfSignedOut } from '$lib/shell/session';
import { versionsOf, type Version } from './rest';

export class Versions {
  readonly #project: string;
  #entries = $state.raw<readonly Version[] | undefined>();
  #error = $state.raw<unknown>();
  #busy = $state(false);
  #hasMore = $state(false);

  constructor(project: string) {
    this.#project = project;
  }

  /** Undefined until the first page has come. */
  get entries(): readonly Version[] | undefined {
    return this.#entries;
  }

  get error(): unknown {
    return this.#error;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  find(commit: string): Version | undefined {
    return this.#entries?.find((version) => version.commit === commit);
  }

  /** The one made just before; undefined for the first, and while that is not known. */
  before(commit: string): Version | undefined {
    const at = this.#entries?.findIndex((version) => version.commit === commit) ?? -1;
    return at < 0 ? undefined : this.#entries?.[at + 1];
  }

  /** Looks for newer ones; what was fetched before stays. */
  refresh = (): Promise<void> => this.#fetch();

  restart = (): Promise<void> => this.#fetch();

  more = (): Promise<void> => (this.#busy ? Promise.resolve() : this.#fetch(this.#entries?.at(-1)?.commit));

  async #fetch(before?: string): Promise<void> {
    this.#busy = true;
    try {
      const page = await versionsOf(this.#project, before);
      this.#merge(page.versions, page.hasMore, before !== undefined);
      this.#error = undefined;
    } catch (error) {
      if (!leaveIfSignedOut(error)) this.#error = error;
    } finally {
      this.#busy = false;
    }
  }

  #merge(page: readonly Version[], hasMore: boolean, older: boolean): void {
    const known = this.#entries ?? [];
    if (older) {
      this.#entries = [...known, ...without(page, known)];
      this.#hasMore = hasMore;
      return;
    }
    // A page that does not reach what is known leaves a hole, so it stands alone.
    const rest = without(known, page);
    const joins = rest.length < known.length;
    this.#entries = joins ? [...page, ...rest] : page;
    if (!joins) this.#hasMore = hasMore;
  }
}

function without(versions: readonly Version[], others: readonly Version[]): readonly Version[] {
  const commits = others.map(({ commit }) => commit);
  return versions.filter(({ commit }) => !commits.includes(commit));
}
