// What the panels of an open project share besides the project: the canvas handle, the panels, the dialogs, notices.
import { getContext, setContext, tick } from 'svelte';
import { Notices } from '$lib/activity/notices.svelte';
import { Library } from '$lib/files/library.svelte';
import type { LockTarget } from '$lib/locks/locking';
import type { Person, Project } from '$lib/project/project.svelte';
import type { NodeType, Position } from '$lib/schema/generated';
import { remembered } from '$lib/ui/remembered.svelte';

/** What the canvas lets others do with it. */
export interface CanvasHandle {
  fitView(): void;
  frameSelection(): void;
  focusNode(id: string): void;
  addNodeAtCentre(kind: NodeType): void;
  centreOn(position: Position): void;
  openSearch(): void;
  selectAll(): void;
  copySelected(): Promise<void>;
  cutSelected(): Promise<void>;
  paste(): void;
}

export type View = 'canvas' | 'takes' | 'scripts' | 'versions' | 'farm';

export type OpenDialog =
  | 'none'
  | 'palette'
  | 'shortcuts'
  | 'snapshot'
  | 'copy'
  | 'people'
  | 'changes'
  | 'unlock'
  | 'not-kept'
  | 'where'
  | 'job';

export class Studio {
  readonly project: Project;
  readonly notices: Notices;
  /** The project's files, and those on their way to it; here, so that folding their panel stops none. */
  readonly library: Library;
  canvas = $state.raw<CanvasHandle | null>(null);
  #dialog = $state<OpenDialog>('none');
  #view = $state<View>('canvas');
  /** What the open dialog asks a reason for. */
  unlocking = $state.raw<LockTarget | undefined>();
  /** The job whose attempts and log are shown. */
  shownJob = $state('');
  /** The edit that was asked for in the list of those that were not kept. */
  shownNotKept = $state('');
  /** Set by the frame: shows or hides a side panel. */
  togglePanel: (side: 'left' | 'right', show?: boolean) => void = () => undefined;
  /** Set where earlier versions are looked at: shows today's canvas again. */
  backToNow: () => void = () => undefined;
  /** Of an earlier version: today's studio, whose dialogs, notices and panels it uses. */
  readonly #today: Studio | undefined;
  readonly #assets = remembered('panel.assets', true);
  readonly #activity = remembered('panel.activity', true);

  constructor(project: Project, today?: Studio) {
    this.project = project;
    this.#today = today;
    this.library = today?.library ?? new Library(project);
    this.notices = today?.notices ?? new Notices();
    if (today) this.togglePanel = (side, show) => today.togglePanel(side, show);
  }

  get dialog(): OpenDialog {
    return this.#today ? this.#today.dialog : this.#dialog;
  }

  set dialog(dialog: OpenDialog) {
    if (this.#today) this.#today.dialog = dialog;
    else this.#dialog = dialog;
  }

  get view(): View {
    return this.#today ? this.#today.view : this.#view;
  }

  set view(view: View) {
    if (this.#today) this.#today.view = view;
    else this.#view = view;
  }

  /** Shows today's canvas again, from wherever. */
  leavePast(): void {
    (this.#today ?? this).backToNow();
  }

  get assetsOpen(): boolean {
    return this.#assets.value;
  }

  set assetsOpen(open: boolean) {
    this.#assets.value = open;
  }

  get activityOpen(): boolean {
    return this.#activity.value;
  }

  set activityOpen(open: boolean) {
    this.#activity.value = open;
  }

  /** Selects a node and brings it into view. */
  goTo(nodeId: string): void {
    this.project.selection = [nodeId];
    void this.onCanvas((canvas) => canvas.focusNode(nodeId));
  }

  /** Does something on the canvas, bringing it up first if another view is open. */
  async onCanvas(act: (canvas: CanvasHandle) => void): Promise<void> {
    this.view = 'canvas';
    this.backToNow();
    await tick();
    if (this.canvas) act(this.canvas);
  }

  /** Brings the canvas to where somebody is. */
  goToPerson(person: Person): void {
    const node = person.editing?.node ?? person.selection[0];
    const { cursor } = person;
    void this.onCanvas((canvas) => {
      if (cursor) canvas.centreOn(cursor);
      else if (node) canvas.focusNode(node);
    });
  }

  /** Asks why something is to be unlocked. */
  unlock(target: LockTarget): void {
    this.unlocking = target;
    this.dialog = 'unlock';
  }

  /** Shows what was not kept, and one edit of it before all. */
  showNotKept(id = ''): void {
    this.shownNotKept = id;
    this.dialog = 'not-kept';
  }

  /** Shows the attempts and the log of a job. */
  showJob(id: string): void {
    if (this.#today) return this.#today.showJob(id);
    this.shownJob = id;
    this.dialog = 'job';
  }

  /** Shows the brief: the inspector describes the project while nothing is selected. */
  showBrief(): void {
    this.project.selection = [];
    this.togglePanel('right', true);
  }
}

const CONTEXT = Symbol('studio');

export function setStudio(studio: Studio): Studio {
  return setContext(CONTEXT, studio);
}

export function getStudio(): Studio {
  return getContext<Studio>(CONTEXT);
}
