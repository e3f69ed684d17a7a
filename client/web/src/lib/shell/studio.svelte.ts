// What the panels of an open project share besides the project: the canvas handle, the panels, the dialogs, notices.
import { getContext, setContext } from 'svelte';
import { Notices } from '$lib/activity/notices.svelte';
import type { Person, Project } from '$lib/project/project.svelte';
import type { NodeType, Position } from '$lib/schema/generated';
import { remembered } from '$lib/ui/remembered.svelte';

/** What the canvas lets others do with it. */
export interface CanvasHandle {
  fitView(): void;
  frameSelection(): void;
  focusNode(id: string): void;
  addNodeAtCentre(kind: NodeType): void;
  centreOn?(position: Position): void;
}

export type OpenDialog = 'none' | 'palette' | 'shortcuts' | 'snapshot';

export class Studio {
  readonly project: Project;
  readonly notices = new Notices();
  canvas = $state.raw<CanvasHandle | null>(null);
  dialog = $state<OpenDialog>('none');
  /** Set by the frame: shows or hides a side panel. */
  togglePanel: (side: 'left' | 'right', show?: boolean) => void = () => undefined;
  readonly #assets = remembered('panel.assets', true);
  readonly #activity = remembered('panel.activity', true);

  constructor(project: Project) {
    this.project = project;
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
    this.canvas?.focusNode(nodeId);
  }

  /** Brings the canvas to where somebody is. */
  goToPerson(person: Person): void {
    const node = person.editing?.node ?? person.selection[0];
    if (person.cursor && this.canvas?.centreOn) this.canvas.centreOn(person.cursor);
    else if (node) this.canvas?.focusNode(node);
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
