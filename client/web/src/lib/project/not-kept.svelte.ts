// Edits of this person that the server put back because a rule stood against them: what was written is kept there.
import { messageOf } from '../errors';
import { nowIso } from '../ui/format';
import { discardProposal, listProposals, type Proposal } from './proposals';
import type { Refusal } from '../sync/refusal';

/** A breach as it was told, or a proposal as it is kept; `proposed` and `kept` come with the latter. */
export type PutBack = Omit<Proposal, 'proposed' | 'kept'> & {
  values: { proposed: unknown; kept: unknown } | undefined;
};

export class NotKept {
  readonly #projectId: string;
  #list: PutBack[] = $state.raw([]);
  /** What was told while this page was open, and not waved away: shown where it happened. */
  #fresh: readonly string[] = $state.raw([]);
  #failure = $state('');
  #asking = $state(false);
  #again = false;
  /** Called for each refusal that is told while the page is open. */
  onTold: (told: readonly PutBack[]) => void = () => undefined;

  constructor(projectId: string) {
    this.#projectId = projectId;
  }

  /** Newest first. */
  get list(): readonly PutBack[] {
    return this.#list;
  }

  /** Why the kept values could not be fetched; empty when they could. */
  get failure(): string {
    return this.#failure;
  }

  get loading(): boolean {
    return this.#asking;
  }

  /** What happened at a node since this page was opened, of those fields, or of all but those that have a place. */
  at(node: string, wants: (field: string) => boolean): PutBack | undefined {
    return this.#list.find(
      (each) => this.#fresh.includes(each.id) && nodeOf(each) === node && wants(fieldOf(each))
    );
  }

  /** Not shown in its place any more; it stays in the list. */
  waveAway(id: string): void {
    this.#fresh = this.#fresh.filter((other) => other !== id);
  }

  hear({ document, breaches }: Refusal): void {
    const at = nowIso();
    const told = breaches.map((breach) => ({ ...breach, at, document, values: undefined }));
    const ids = told.map(({ id }) => id);
    // Like the server: whoever goes on writing where they may not makes one entry, not one for each try.
    const places = told.map(placeOf);
    this.#list = [...told, ...this.#list.filter((each) => !places.includes(placeOf(each)))];
    this.#fresh = [...this.#fresh, ...ids];
    this.onTold(told);
    void this.load();
  }

  /** Asks the server what it keeps for this person. */
  async load(): Promise<void> {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    do {
      this.#again = false;
      try {
        const proposals = await listProposals(this.#projectId);
        this.#list = proposals.map(({ proposed, kept, ...rest }) => ({
          ...rest,
          values: { proposed, kept }
        }));
        this.#failure = '';
      } catch (error) {
        this.#failure = messageOf(error);
      }
    } while (this.#again);
    this.#asking = false;
  }

  /** Forgets what was written. Throws ApiError. */
  async discard(id: string): Promise<void> {
    await discardProposal(this.#projectId, id);
    this.#list = this.#list.filter((each) => each.id !== id);
    this.waveAway(id);
  }
}

/** The node at which an edit happened: for an edge, the one it leads into. */
export function nodeOf({ root, record, values }: PutBack): string {
  if (root !== 'edges') return record;
  const edge = (values?.proposed ?? values?.kept ?? {}) as { target?: unknown };
  return typeof edge.target === 'string' ? edge.target : '';
}

function placeOf({ document, root, record, field }: PutBack): string {
  return [document, root, record, field].join('/');
}

function fieldOf({ root, field }: PutBack): string {
  return root === 'edges' ? 'edges' : field;
}
