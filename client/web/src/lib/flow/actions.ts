// What a person can do to the canvas as a whole, whichever key, button or gesture asks for it.
import { getViewportForBounds, type useSvelteFlow, type Viewport } from '@xyflow/svelte';
import { generateBatch } from '../project/batch';
import * as commands from '../project/commands';
import type { Project } from '../project/project.svelte';
import type { NodeType, Position } from '../schema/generated';
import { toasts } from '../ui/toasts.svelte';
import type { Bridge } from './bridge.svelte';
import { socketFor } from './catalogue';
import type { OpenEnd } from './context';
import { boundsOf, freePlace, placeAt, shiftInto, type Box } from './places';
import type { FlowEdge, FlowNode } from './reconcile';
import { GUESSED_HEIGHTS, WIDTHS } from './sizes';

type Flow = ReturnType<typeof useSvelteFlow<FlowNode, FlowEdge>>;

/** Room for what floats over the canvas: palette, zoom and overview stand at the bottom. */
const ROOM = { top: '32px', right: '40px', bottom: '104px', left: '40px' } as const;
const FIT = { padding: ROOM, maxZoom: 1, minZoom: 0.1 };
const GLIDE_MS = 200;
/** Height of what floats at the bottom of the canvas. */
const FLOATING_PX = 80;

export class CanvasActions {
  readonly #project: Project;
  readonly #flow: Flow;
  readonly #bridge: Bridge;
  readonly #frame: () => DOMRect;
  /** Where the pointer is over the canvas, in canvas units. */
  pointer: Position | null = null;
  /** The last copy, for browsers that keep the clipboard from us. */
  #copied = '';

  constructor(project: Project, flow: Flow, bridge: Bridge, frame: () => DOMRect) {
    this.#project = project;
    this.#flow = flow;
    this.#bridge = bridge;
    this.#frame = frame;
  }

  /** Adds a node around a point. */
  add(type: NodeType, centre: Position, fields: Record<string, unknown> = {}): string {
    return this.#put(type, placeAt(centre, type, this.#boxes()), fields);
  }

  /** Adds a node where there is room, as near to the middle of the view as possible. */
  addAtCentre(type: NodeType): string {
    const place = freePlace(this.#view(), type, this.#boxes());
    this.#reveal({ ...place, width: WIDTHS[type], height: GUESSED_HEIGHTS[type] });
    return this.#put(type, place, {});
  }

  /** Adds a node and joins it to the edge that was dropped. */
  addJoined(type: NodeType, centre: Position, fields: Record<string, unknown>, end: OpenEnd): void {
    const socket = socketFor(end, type, this.#project.declared(end.node));
    const id = this.add(type, centre, fields);
    if (socket === undefined) return;
    if (end.side === 'source') commands.connect(this.#project, end.node, end.socket, id, socket);
    else commands.connect(this.#project, id, socket, end.node, end.socket);
  }

  /** A shot that can be generated at once: joined to a pipeline. */
  addFirstShot(): void {
    const { x, y } = this.#centre();
    const pipeline = this.add('pipeline', { x: x - 200, y: y - 60 });
    const shot = this.add('shot', { x: x + 140, y });
    commands.connect(this.#project, pipeline, 'pipeline', shot, 'pipeline');
  }

  select(ids: string[]): void {
    this.#project.selection = ids;
    this.#bridge.edges = this.#bridge.edges.map((edge) =>
      edge.selected ? { ...edge, selected: false } : edge
    );
  }

  selectAll(): void {
    this.select(this.#project.places.map((place) => place.id));
  }

  remove(): void {
    const { selection } = this.#project;
    const edges = this.#bridge.selectedEdges;
    if (selection.length === 0 && edges.length === 0) return;
    const reason = selection.length > 0 ? commands.whyNoneGoes(this.#project, selection) : '';
    commands.deleteNodes(this.#project, selection, edges);
    // A key has no tooltip to say why nothing happened.
    if (reason && edges.length === 0) toasts.show({ title: 'Not deleted', detail: reason, topic: 'locked' });
  }

  duplicate(): void {
    if (this.#project.selection.length === 0) return;
    const ids = commands.duplicateNodes(this.#project, this.#project.selection);
    if (ids.length) this.select(ids);
  }

  /** The selection as text; empty when nothing is selected. */
  copy(): string {
    if (this.#project.selection.length === 0) return '';
    return (this.#copied = commands.copyNodes(this.#project, this.#project.selection));
  }

  /** Copies through the system clipboard, for those who do it without the keyboard. */
  async copyToClipboard(): Promise<void> {
    await navigator.clipboard?.writeText(this.copy()).catch(() => undefined);
  }

  /** Pastes what was copied; from elsewhere only where the browser lets us read the clipboard. */
  async pasteFromClipboard(): Promise<void> {
    this.paste((await navigator.clipboard?.readText().catch(() => '')) ?? '');
  }

  paste(text: string): void {
    const at = this.pointer ?? this.#centre();
    const ids = commands.pasteNodes(this.#project, text || this.#copied, at);
    if (ids.length) this.select(ids);
  }

  /** Moves the selection by so many canvas units. */
  nudge(dx: number, dy: number): void {
    const positions: Record<string, Position> = {};
    for (const id of this.#project.selection) {
      const position = this.#project.node(id)?.position;
      if (position) positions[id] = { x: position.x + dx, y: position.y + dy };
    }
    if (Object.keys(positions).length) commands.moveNodes(this.#project, positions);
  }

  /** Asks for a take of every selected shot that can be generated and is not waiting for one. */
  generateSelected(fresh = false): void {
    generateBatch(this.#project, this.#project.selection, fresh);
  }

  fit(): void {
    void this.#flow.fitView({ ...FIT, duration: GLIDE_MS });
  }

  /** What to show first: all of the project; undefined while there is nothing. */
  overview(): Viewport | undefined {
    const bounds = boundsOf(this.#boxes());
    const { width, height } = this.#frame();
    return bounds && getViewportForBounds(bounds, width, height, FIT.minZoom, FIT.maxZoom, FIT.padding);
  }

  frameSelection(): void {
    const { selection } = this.#project;
    if (selection.length === 0) this.fit();
    else
      void this.#flow.fitView({
        ...FIT,
        padding: 0.25,
        nodes: selection.map((id) => ({ id })),
        duration: GLIDE_MS
      });
  }

  focus(id: string): void {
    this.select([id]);
    this.frameSelection();
  }

  centreOn({ x, y }: Position): void {
    void this.#flow.setCenter(x, y, { zoom: this.#flow.getZoom(), duration: GLIDE_MS });
  }

  toCanvas(x: number, y: number): Position {
    return this.#flow.screenToFlowPosition({ x, y }, { snapToGrid: false });
  }

  #put(type: NodeType, place: Position, fields: Record<string, unknown>): string {
    const id = commands.addNode(this.#project, type, place, fields);
    this.select([id]);
    return id;
  }

  /** Moves the view just so far that the box is in it. */
  #reveal(box: Box): void {
    const by = shiftInto(box, this.#view());
    if (by.x === 0 && by.y === 0) return;
    const { x, y, zoom } = this.#flow.getViewport();
    void this.#flow.setViewport({ x: x - by.x * zoom, y: y - by.y * zoom, zoom }, { duration: GLIDE_MS });
  }

  #boxes(): Box[] {
    return this.#bridge.nodes.map((node) => ({
      ...node.position,
      width: node.measured?.width ?? 0,
      height: node.measured?.height ?? 0
    }));
  }

  /** The part of the canvas that one sees, above what floats at its bottom. */
  #view(): Box {
    const { left, top, right, bottom } = this.#frame();
    const { x, y } = this.toCanvas(left, top);
    const end = this.toCanvas(right, bottom - FLOATING_PX);
    return { x, y, width: end.x - x, height: end.y - y };
  }

  #centre(): Position {
    const { x, y, width, height } = this.#view();
    return { x: x + width / 2, y: y + height / 2 };
  }
}
