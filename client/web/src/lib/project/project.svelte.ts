// The open project: the one place components read from. Every getter is reactive; `commands.ts` alone writes.
import { getContext, setContext } from 'svelte';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { api, type Me, type PipelineInfo, type ProjectInfo } from '../api';
import { ApiError } from '../errors';
import {
  CLOSE_CODES,
  NODE_STATES,
  type Action,
  type NodeState,
  type Position,
  type Role
} from '../schema/generated';
import { ProjectSync, type Aside } from '../sync/project-sync';
import type { SideDocument } from '../sync/side-document';
import { onTold } from '../sync/told';
import { compare, contentOf, readContent, type Content, type Difference } from './compare';
import { declaredBy, type Declared } from './sockets';
import { findPipeline, plan, readRatio, type Plan } from './generating';
import { Graph } from './graph';
import { ForkSource } from './fork-source';
import { ForkRecords } from './forks';
import { History } from './history';
import { Locks } from './locks';
import { mergeCopy } from './merge';
import { NotKept } from './not-kept.svelte';
import { roleMay, whyNot, type Standing, type Thing } from './permissions';
import { Presence } from './presence';
import { Progress, type ShownProgress } from './progress';
import { remembered } from './remembered';
import { Results, type Asked } from './results';
import type { Connection, EdgeView, JobView, NodePlace, NodeView, Person, TakeView } from './types';

export type { Connection, EdgeView, JobView, NodePlace, NodeView, Person, TakeView } from './types';

/** Whether somebody is sent away because they were taken off the project, or the project is gone. */
const MAY_BE_GONE: ReadonlySet<number> = new Set([0, CLOSE_CODES.FORBIDDEN, CLOSE_CODES.NO_SUCH_DOCUMENT]);
/** Jobs end in bursts; the budget is asked for once per burst. */
const REFRESH_AFTER_MS = 500;

/** What a project is read from: documents in step with the server, or those of an earlier version. */
export type Source = Pick<
  ProjectSync,
  | 'canvas'
  | 'takes'
  | 'production'
  | 'awareness'
  | 'farmAwareness'
  | 'connection'
  | 'mayWrite'
  | 'loaded'
  | 'aside'
  | 'decideAside'
  | 'askWhatIMayDo'
  | 'open'
  | 'close'
  | 'onLive'
  | 'onRights'
  | 'onNotice'
  | 'onRefusal'
  | 'onSentAway'
  | 'onOutdated'
> & {
  /** Why nothing can be done to what it holds: it is an earlier version. Empty when it is today's. */
  readonly past: string;
  /** Name of the fork that stands in the place of the canvas; empty when it is the canvas. */
  readonly fork: string;
};

export class Project implements Standing {
  readonly id: string;
  readonly me: Me;
  pipelines = $state.raw<PipelineInfo[]>([]);
  readonly history: History;
  readonly locks: Locks;
  readonly forks: ForkRecords;
  /** Edits of mine that the server put back. */
  readonly notKept: NotKept;
  readonly #sync: Source;
  /** Of an earlier version or a fork: the project that it belongs to. */
  readonly #live: Project | undefined;
  readonly #graph: Graph;
  readonly #results: Results;
  readonly #presence: Presence;
  readonly #progress: Progress;
  #info: ProjectInfo;
  #selection: string[] = $state.raw([]);
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #asideContent: { of: Aside; content: Content } | undefined;
  /** Called with what the server tells everybody in the project, as it came. */
  onNotice: (payload: string) => void = () => undefined;
  /** Set when the server has begun this project anew: it must be opened again to show today's. */
  outdated = $state(false);
  /** Set when this person was taken off the project while it was open, or the project is gone. */
  gone = $state(false);

  private constructor(sync: Source, me: Me, info: ProjectInfo, pipelines: PipelineInfo[], live?: Project) {
    this.id = info.id;
    this.#live = live;
    this.me = me;
    this.#info = $state.raw(info);
    this.pipelines = pipelines;
    this.#sync = sync;
    this.#graph = new Graph(sync.canvas);
    this.#results = new Results(info.id, sync.canvas, sync.takes);
    this.#presence = new Presence(sync.awareness, { id: me.id, name: me.name, hue: me.hue });
    this.#progress = new Progress(sync.farmAwareness);
    this.history = new History(sync.canvas);
    this.locks = new Locks(sync.production);
    this.forks = new ForkRecords(sync.production);
    this.notKept = live?.notKept ?? new NotKept(info.id);
    this.#graph.onMembership = () => this.#forgetLostSelection();
    this.#results.onSettled = () => this.#refreshSoon();
    sync.onLive = () => {
      this.#refreshSoon();
      void this.notKept.load();
    };
    sync.onRights = () => this.#refreshSoon();
    onTold(sync.farmAwareness, 'manifest', () => this.#refreshSoon());
    sync.onNotice = (payload) => this.onNotice(payload);
    sync.onRefusal = (refusal) => this.notKept.hear(refusal);
    sync.onSentAway = (code) => void this.#askWhetherGone(code);
    sync.onOutdated = () => (this.outdated = true);
  }

  /** Opens a project; while the server is away, the copy that this browser kept. Throws ApiError. */
  static async open(id: string): Promise<Project> {
    const [me, info, pipelines] = await Promise.all([
      remembered('me', () => api.me()),
      remembered(`project/${id}`, () => api.project(id)),
      remembered('pipelines', () => api.pipelines())
    ]);
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const sync = await ProjectSync.open({
      projectId: info.id,
      userId: me.id,
      mayWrite: roleMay(info.role, 'edit'),
      token: () => api.socketToken(),
      url: `${scheme}://${location.host}/ws/${encodeURIComponent(info.id)}`
    });
    return new Project(sync, me, info, pipelines);
  }

  /** The same project as an earlier version has it, to look at: nothing in it can be changed. */
  static past(live: Project, source: Source): Project {
    return new Project(source, live.me, live.info, live.pipelines, live);
  }

  /** A fork in the place of the canvas; takes, locks and everything else are this project's. */
  async openFork(name: string): Promise<Project> {
    const source = new ForkSource(name, this.#sync, await this.openDocument(`fork/${name}`));
    return new Project(source, this.me, this.info, this.pipelines, this);
  }

  close(): void {
    clearTimeout(this.#refreshTimer);
    this.#graph.destroy();
    this.#results.destroy();
    this.#presence.destroy();
    this.#progress.destroy();
    this.history.destroy();
    this.locks.destroy();
    this.forks.destroy();
    void this.#sync.close();
  }

  /** Asks again which pipelines there are and what can run now; while the server is away those that are known stay. */
  async refreshPipelines(): Promise<void> {
    this.pipelines = await remembered('pipelines', () => api.pipelines()).catch(() => this.pipelines);
  }

  get info(): ProjectInfo {
    return this.#live ? this.#live.info : this.#info;
  }

  get connection(): Connection {
    return this.#sync.connection;
  }

  /** Whether there is anything to show yet: the local copy or the server's document. */
  get loaded(): boolean {
    return this.#sync.loaded;
  }

  // --- what this person may do --------------------------------------------------------------------------------------

  get role(): Role {
    return this.info.role;
  }

  get takesEdits(): boolean {
    return this.#sync.mayWrite;
  }

  /** Why nothing can be done here at all: this is an earlier version. Empty when it is today's. */
  get past(): string {
    return this.#sync.past;
  }

  /** The fork in which one works here; empty on the canvas itself. */
  get fork(): string {
    return this.#sync.fork;
  }

  /** Why that cannot be done now, and who can change it; empty when it can. */
  whyNot(action: Action, thing?: Thing): string {
    return whyNot(this, action, thing);
  }

  /** The same for editing something on the canvas. */
  whyNotEdit(thing: Thing): string {
    return whyNot(this, 'edit', thing);
  }

  /** Whether there is anything here that this person may edit. */
  get canWrite(): boolean {
    return this.whyReadOnly === '';
  }

  get whyReadOnly(): string {
    return whyNot(this, 'edit');
  }

  /** A document that is opened on demand, e.g. `script/treatment`. */
  openDocument(name: string): Promise<SideDocument> {
    const { id, name: called, hue } = this.me;
    return this.#sync.open(name, { id, name: called, hue });
  }

  // --- the canvas ---------------------------------------------------------------------------------------------------

  get nodes(): NodeView[] {
    return this.#graph.nodes;
  }

  get places(): NodePlace[] {
    return this.#graph.places;
  }

  node(id: string): NodeView | undefined {
    return this.#graph.node(id);
  }

  get edges(): EdgeView[] {
    return this.#graph.edges;
  }

  edgesOf(nodeId: string): EdgeView[] {
    return this.#graph.edgesOf(nodeId);
  }

  edgesInto(nodeId: string, socket: string): EdgeView[] {
    return this.#graph.edgesInto(nodeId, socket);
  }

  /** The shared text of a field, to type into; undefined when the node is gone. */
  text(nodeId: string, field: string): Y.Text | undefined {
    const record = this.canvas.getMap('nodes').get(nodeId);
    const text: unknown = record instanceof Y.Map ? record.get(field) : undefined;
    return text instanceof Y.Text ? text : undefined;
  }

  /** The canvas document itself; to be written to by `commands.ts` only. */
  get canvas(): Y.Doc {
    return this.#sync.canvas;
  }

  // --- a copy from an earlier life of the canvas ----------------------------------------------------------------------

  /** The copy that this browser keeps of a canvas that was begun anew since, until somebody decides about it. */
  get olderCopy(): Aside | undefined {
    return this.#sync.aside;
  }

  /** What the older copy holds that today's canvas does not. */
  get olderDifference(): Difference | undefined {
    const aside = this.olderCopy;
    if (!aside) return undefined;
    if (this.#asideContent?.of !== aside)
      this.#asideContent = { of: aside, content: readContent(aside.canvas) };
    return compare(this.#asideContent.content, contentOf(this.canvas, this.nodes, this.edges));
  }

  /** Adds what only the older copy holds; where both differ, takes the copy's for the keys in `mine`. */
  mergeOlderCopy(mine: readonly string[]): void {
    const difference = this.olderDifference;
    if (!difference || !this.canWrite) return;
    mergeCopy(this, difference, mine);
    void this.#sync.decideAside({ whenSaved: true });
  }

  discardOlderCopy(): void {
    void this.#sync.decideAside({ whenSaved: false });
  }

  // --- jobs and takes -----------------------------------------------------------------------------------------------

  get jobs(): JobView[] {
    return this.#results.jobs;
  }

  get takes(): TakeView[] {
    return this.#results.takes;
  }

  takesOf(nodeId: string): TakeView[] {
    return this.#results.takesOf(nodeId);
  }

  /** The take that was chosen, or the newest one while none was. */
  activeTake(nodeId: string): TakeView | undefined {
    const node = this.node(nodeId);
    if (node?.type !== 'shot') return undefined;
    const takes = this.takesOf(nodeId);
    return takes.find((take) => take.id === node.active_take) ?? takes.at(-1);
  }

  jobOf(nodeId: string): JobView | undefined {
    return this.#results.jobOf(nodeId);
  }

  /** The intent for that shot that the server has not judged yet. */
  askedFor(nodeId: string): string | undefined {
    return this.#results.askedFor(nodeId);
  }

  /** Every request for a take that the server has not judged yet. */
  get asked(): Asked[] {
    return this.#results.asked;
  }

  isCancelling(jobId: string): boolean {
    return this.#results.isCancelling(jobId);
  }

  isBatchCancelling(batch: string): boolean {
    return this.#results.isBatchCancelling(batch);
  }

  stateOf(nodeId: string): NodeState | 'asked' {
    if (this.askedFor(nodeId)) return 'asked';
    const job = this.jobOf(nodeId);
    return job ? NODE_STATES[job.status] : 'idle';
  }

  progressOf(nodeId: string): ShownProgress | undefined {
    const job = this.jobOf(nodeId);
    return job && this.#progress.of(job.id);
  }

  progressOfJob(jobId: string): ShownProgress | undefined {
    return this.#progress.of(jobId);
  }

  /** Another one whenever the nodes or the order of the queues are other than before. */
  get farmMark(): string {
    return this.#progress.farmMark;
  }

  /** The pipeline that is joined to a shot, as its node names it; undefined when none is. */
  #pipelineName(nodeId: string): string | undefined {
    const join = this.edgesInto(nodeId, 'pipeline')[0];
    const source = join && this.node(join.source);
    return source?.type === 'pipeline' ? source.pipeline : undefined;
  }

  /** What the pipeline of a shot declares for its sockets (C-024). */
  declared(nodeId: string): Declared | undefined {
    const name = this.#pipelineName(nodeId);
    const pipeline = name === undefined ? undefined : this.pipeline(name);
    return pipeline && declaredBy(pipeline);
  }

  /** What generating this shot would mean now. */
  planFor(nodeId: string): Plan {
    return plan({
      pipelineName: this.#pipelineName(nodeId),
      pipelines: this.pipelines,
      gates: this.info.gates,
      tier: this.info.manifest.project_settings.quality,
      forbidden: whyNot(this, 'generate', { kind: 'node', id: nodeId }),
      online: this.connection.kind !== 'offline' && this.connection.kind !== 'connecting',
      waits: this.waitsForNodes
    });
  }

  /** Whether takes wait in line for a node that is not connected; else they are refused, or made at a lower tier. */
  get waitsForNodes(): boolean {
    return (this.info.manifest.project_settings.when_busy ?? 'queue') === 'queue';
  }

  /** The width of the project's picture for a height of one. */
  get aspectRatio(): number {
    return readRatio(this.info.manifest.project_settings.aspect_ratio);
  }

  pipeline(name: string): PipelineInfo | undefined {
    return findPipeline(this.pipelines, name);
  }

  // --- people -------------------------------------------------------------------------------------------------------

  get people(): Person[] {
    return this.#presence.people;
  }

  /** The others who have that node selected or are typing in it. */
  peopleAround(nodeId: string): Person[] {
    return this.#presence.around(nodeId);
  }

  /** Where the others hold nodes that they have not let go of. */
  get drags(): ReadonlyMap<string, Position> {
    return this.#presence.drags;
  }

  get presence(): Presence {
    return this.#presence;
  }

  get awareness(): Awareness {
    return this.#sync.awareness;
  }

  /** Presence in the takes document: of the farm, and what the server says of the project's files. */
  get farmAwareness(): Awareness {
    return this.#sync.farmAwareness;
  }

  get selection(): string[] {
    return this.#selection;
  }

  set selection(ids: string[]) {
    if (ids.length === this.#selection.length && ids.every((id, i) => id === this.#selection[i])) return;
    this.#selection = ids;
    this.#presence.setSelection(ids);
  }

  // --- undo ---------------------------------------------------------------------------------------------------------

  get canUndo(): boolean {
    return this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.history.canRedo;
  }

  undo(): void {
    if (this.canWrite) this.history.undo();
  }

  redo(): void {
    if (this.canWrite) this.history.redo();
  }

  /** Asks the server again for gates, budget and role. */
  async refresh(): Promise<void> {
    if (this.#live) return this.#live.refresh();
    const before = this.#info.role;
    this.#info = await remembered(`project/${this.id}`, () => api.project(this.id));
    if (this.#info.role !== before) this.#sync.askWhatIMayDo();
  }

  #refreshSoon(): void {
    clearTimeout(this.#refreshTimer);
    // The next event asks again, so one that fails is not worth a word.
    this.#refreshTimer = setTimeout(() => void this.refresh().catch(() => undefined), REFRESH_AFTER_MS);
  }

  /** The server closes with one code for many reasons; only its answer to a plain question tells which it was. */
  async #askWhetherGone(code: number): Promise<void> {
    if (!MAY_BE_GONE.has(code)) return;
    try {
      await api.project(this.id);
    } catch (error) {
      if (error instanceof ApiError && [403, 404].includes(error.status)) this.gone = true;
    }
  }

  #forgetLostSelection(): void {
    const kept = this.#selection.filter((id) => this.#graph.node(id) !== undefined);
    if (kept.length !== this.#selection.length) this.selection = kept;
  }
}

const CONTEXT = Symbol('project');

export function setProject(project: Project): Project {
  return setContext(CONTEXT, project);
}

export function getProject(): Project {
  return getContext<Project>(CONTEXT);
}
