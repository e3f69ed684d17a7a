// What takes would cost and when they would be there, asked of the server while somebody looks at the button.
import type { BatchEstimate, Estimate } from '$lib/schema/generated';
import { untrack } from 'svelte';
import type { Project } from '$lib/project/project.svelte';
import { farm } from './rest';

/** People type and jobs move in bursts; one question for each burst. */
const ASK_AFTER_MS = 350;
/** Queues move with every click of everybody. */
const FARM_MOVES_MS = 1000;

/** The answer to one question, asked anew whenever what it depends on has changed. */
export class Quote<Value> {
  #value = $state.raw<Value | undefined>();
  #for = $state('');
  #wanted = '';
  #freshening = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The last answer; of something else than is asked now while the new one is on its way. */
  get last(): Value | undefined {
    return this.#value;
  }

  /** The answer, if it was given for exactly this. */
  for(key: string): Value | undefined {
    return this.#for === key ? this.#value : undefined;
  }

  /** Asks soon, unless that was asked already. An estimate that fails is nobody's trouble: the plan stands in. */
  want(key: string, ask: () => Promise<Value>, afterMs = ASK_AFTER_MS): void {
    if (key === this.#wanted) return;
    this.#wanted = key;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(key, ask), afterMs);
  }

  /** Asks again at once though nothing has changed here: the farm moves on. */
  refresh(key: string, ask: () => Promise<Value>): void {
    this.#wanted = '';
    this.want(key, ask, 0);
  }

  /** Asks again soon, for the farm is another; what was answered stands until then. */
  freshen(key: string, ask: () => Promise<Value>): void {
    // That is being asked as it is, or will be: news without end must not put it off without end.
    if (key !== this.#for || this.#freshening) return;
    this.#freshening = true;
    this.#wanted = '';
    this.want(key, ask, FARM_MOVES_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#freshening = false;
    this.#wanted = '';
  }

  async #ask(key: string, ask: () => Promise<Value>): Promise<void> {
    this.#freshening = false;
    try {
      const value = await ask();
      if (key !== this.#wanted) return;
      this.#value = value;
      this.#for = key;
    } catch {
      if (key === this.#wanted) this.#wanted = '';
    }
  }
}

/** Quotes are found by whoever shows them; nothing shows that one was added, so the map need not be watched. */
const QUOTES = new WeakMap<Project, Record<string, Quote<Estimate>>>();

/** The estimate of one shot, shared by all who show it. */
export function quoteOf(project: Project, node: string): Quote<Estimate> {
  const quotes = QUOTES.get(project) ?? {};
  QUOTES.set(project, quotes);
  return (quotes[node] ??= new Quote<Estimate>());
}

/** All that the estimate of some shots depends on, as far as this page can see; empty when none is to be asked for. */
export function stakes(project: Project, nodes: readonly string[]): string {
  const offline = project.connection.kind === 'offline' || project.connection.kind === 'connecting';
  if (project.past || project.fork || offline || nodes.length === 0) return '';
  const into = nodes.flatMap((id) => project.edgesOf(id).filter((edge) => edge.target === id));
  // Where a node stands on the canvas changes with every drag and nothing else by it.
  const what = [...nodes, ...into.map((edge) => edge.source)].map((id) => {
    const node = project.node(id);
    return node && { ...node, position: null };
  });
  const jobs = project.jobs.map(({ id, status }) => `${id} ${status}`);
  const { project_settings, creative_contract } = project.info.manifest;
  return JSON.stringify([
    what,
    into,
    jobs,
    project_settings,
    creative_contract,
    project.info.budget,
    project.role
  ]);
}

/** Keeps the estimate of a shot up to date while the component lives and `shown` holds. */
export function useEstimate(project: Project, node: () => string, shown: () => boolean = () => true) {
  const quote = $derived(quoteOf(project, node()));
  const key = $derived(shown() ? stakes(project, [node()]) : '');
  const ask = () => farm.estimate(project.id, node());
  $effect(() => {
    const [now, of] = [key, quote];
    if (now) untrack(() => of.want(now, ask));
  });
  onNews(project, () => key && quote.freshen(key, ask));
  return {
    get current(): Estimate | undefined {
      return key ? quote.for(key) : undefined;
    },
    /** The last one, while a new one is on its way. */
    get last(): Estimate | undefined {
      return key ? quote.last : undefined;
    },
    refresh: () => key && quote.refresh(key, ask)
  };
}

/** Calls `tell` whenever the farm is another than before. */
function onNews(project: Project, tell: () => void): void {
  let known = untrack(() => project.farmMark);
  $effect(() => {
    const mark = project.farmMark;
    if (mark !== known) untrack(tell);
    known = mark;
  });
}

/** The same for several shots that are asked for with one click. */
export function useBatchEstimate(project: Project, nodes: () => readonly string[]) {
  const quote = new Quote<BatchEstimate>();
  const key = $derived(stakes(project, nodes()));
  const ask = () => farm.estimates(project.id, nodes());
  $effect(() => {
    const now = key;
    // With nothing left to ask for, a question that waits would be one of no shot.
    untrack(() => (now ? quote.want(now, ask) : quote.stop()));
  });
  onNews(project, () => key && quote.freshen(key, ask));
  $effect(() => () => quote.stop());
  return {
    get current(): BatchEstimate | undefined {
      return key ? quote.for(key) : undefined;
    }
  };
}
