// What a person can do to the canvas as a whole, whichever key, button or gesture asks for it.
import type { useSvelteFlow } from '@xyflow/svelte';
import * as commands from '../project/commands';
import type { Project } from '../project/project.svelte';
import type { NodeType, Position } from '../schema/generated';
import type { Bridge } from './bridge.svelte';
import { socketFor } from './catalogue';
import type { OpenEnd } from './context';
import { placeAround } from './places';
import type { FlowEdge, FlowNode } from './reconcile';

type Flow = ReturnType<typeof useSvelteFlow<FlowNode, FlowEdge>>;

const FIT = { padding: 0.12, maxZoom: 1, minZoom: 0.1 };
const GLIDE_MS = 200;

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

  add(type: NodeType, centre: Position, fields: Record<string, unknown> = {}): string {
    const taken = this.#project.places.map((place) => place.position);
    const id = commands.addNode(this.#project, type, placeAround(centre, type, taken), fields);
    this.select([id]);
    return id;
  }

  addAtCentre(type: NodeType): string {
    return this.add(type, this.#centre());
  }

  /** Adds a node and joins it to the edge that was dropped. */
  addJoined(type: NodeType, centre: Position, fields: Record<string, unknown>, end: OpenEnd): void {
    const socket = socketFor(end, type);
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
    if (edges.length) commands.deleteEdges(this.#project, edges);
    if (selection.length) commands.deleteNodes(this.#project, selection);
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
  generateSelected(): void {
    for (const id of this.#project.selection) {
      const state = this.#project.stateOf(id);
      const busy = state === 'asked' || state === 'generating';
      if (this.#project.node(id)?.type !== 'shot' || busy || this.#project.planFor(id).blocked) continue;
      commands.generate(this.#project, id);
    }
  }

  fit(duration = GLIDE_MS): void {
    void this.#flow.fitView({ ...FIT, duration });
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

  toCanvas(x: number, y: number): Position {
    return this.#flow.screenToFlowPosition({ x, y }, { snapToGrid: false });
  }

  #centre(): Position {
    const { left, top, width, height } = this.#frame();
    return this.toCanvas(left + width / 2, top + height / 2);
  }
}
