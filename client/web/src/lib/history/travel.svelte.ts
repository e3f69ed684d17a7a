// Looking at an earlier version of the canvas in place of today's. Only this page shows it; the others see nothing of it.
import { getContext, setContext } from 'svelte';
import { Project } from '$lib/project/project.svelte';
import { leaveIfSignedOut } from '$lib/shell/session';
import { Studio } from '$lib/shell/studio.svelte';
import type { RecordDifference } from './diff';
import { DocumentsOf } from './documents';
import { PastSource, type PlainDocuments } from './past';
import { versionDocuments, type Version } from './rest';
import { Versions } from './versions.svelte';
import { whenWords } from './words';

/** Somebody who scrubs fast passes versions without stopping; only where they rest is fetched. */
const REST_MS = 90;

/** Today's canvas, where a version could be named. */
export const NOW = 'now';

/** What somebody wants to bring back; all of the document where no record is named, all of the record where no field is. */
export type Asked = {
  version: Version;
  document: string;
  record?: Pick<RecordDifference, 'id' | 'root' | 'title' | 'type' | 'change'>;
  field?: { name: string; before: unknown };
};

type Look = { at: Version; source: PastSource; studio: Studio };

export class Travel {
  readonly studio: Studio;
  readonly versions: Versions;
  #look = $state.raw<Look | undefined>();
  #wanted = $state.raw<Version | undefined>();
  #error = $state.raw<unknown>();
  /** Commits, or NOW; undefined as long as nobody has chosen: then it is the newest version against the one before. */
  #compared = $state.raw<{ from: string; to: string } | undefined>();
  /** What is asked about before it is restored. */
  asked = $state.raw<Asked | undefined>();
  readonly #documents: DocumentsOf;
  /** To be gone to once the version is there. */
  #node = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(studio: Studio) {
    this.studio = studio;
    this.versions = new Versions(studio.project.id);
    this.#documents = new DocumentsOf((commit) => versionDocuments(studio.project.id, commit));
    studio.backToNow = () => this.leave();
  }

  /** The version that is shown or is on its way; undefined while today's canvas is. */
  get at(): Version | undefined {
    return this.#wanted;
  }

  /** What the panels show: the studio of the version that is looked at, else today's. */
  get shown(): Studio {
    return this.#look?.studio ?? this.studio;
  }

  /** Whether the version that was asked for is not on screen yet. */
  get busy(): boolean {
    return this.#wanted !== undefined && this.#wanted !== this.#look?.at && this.#error === undefined;
  }

  /** Why the version that was asked for could not be fetched. */
  get error(): unknown {
    return this.#error;
  }

  /** Shows a version; with an id, that node of it. */
  look(version: Version, node = ''): void {
    this.#wanted = version;
    this.#node = node;
    this.studio.view = 'canvas';
    this.#error = undefined;
    this.studio.project.presence.setCursor(null);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#fetch(version),
      this.#documents.has(version.commit) ? 0 : REST_MS
    );
  }

  /** To an older (+1) or a newer (-1) version; past the newest is now. */
  step(by: number): void {
    const list = this.versions.entries ?? [];
    const at = list.findIndex(({ commit }) => commit === this.#wanted?.commit);
    if (at < 0) return;
    const next = list[at + by];
    if (at + by < 0) this.leave();
    else if (next) this.look(next);
    if (at + by >= list.length - 2 && this.versions.hasMore) void this.versions.more();
  }

  get compared(): { from: string; to: string } | undefined {
    return this.#compared;
  }

  /** Shows what differs between two versions, or a version and now. */
  compare(from: string, to: string): void {
    this.#compared = { from, to };
  }

  again(): void {
    if (this.#wanted) this.look(this.#wanted);
  }

  leave(): void {
    clearTimeout(this.#timer);
    this.#wanted = undefined;
    this.#error = undefined;
    this.#look?.studio.project.close();
    this.#look = undefined;
  }

  async #fetch(version: Version): Promise<void> {
    try {
      const documents = await this.#documents.get(version.commit);
      if (this.#wanted === version) this.#show(version, documents);
    } catch (error) {
      if (this.#wanted === version && !leaveIfSignedOut(error)) this.#error = error;
    }
  }

  #show(version: Version, documents: PlainDocuments): void {
    const past = `You are looking at the version of ${whenWords(version.at)}. Go back to now to change something.`;
    if (this.#look) {
      this.#look.source.show(documents, past);
      this.#look = { ...this.#look, at: version };
    } else {
      this.#look = this.#begin(version, documents, past);
    }
    if (this.#node) this.#look.studio.goTo(this.#node);
    this.#node = '';
  }

  #begin(version: Version, documents: PlainDocuments, past: string): Look {
    const source = new PastSource();
    source.show(documents, past);
    const project = Project.past(this.studio.project, source);
    const studio = new Studio(project, this.studio);
    project.selection = this.studio.project.selection.filter((id) => project.node(id) !== undefined);
    return { at: version, source, studio };
  }
}

const CONTEXT = Symbol('travel');

export function setTravel(travel: Travel): Travel {
  return setContext(CONTEXT, travel);
}

export function getTravel(): Travel {
  return getContext<Travel>(CONTEXT);
}
