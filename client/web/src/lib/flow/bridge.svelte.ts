// The one place where the shared document and xyflow meet: what is shared flows in, what is local flows back.
import { untrack } from 'svelte';
import type { Project } from '../project/project.svelte';
import { declaredInputs } from './inputs';
import { reconcileEdges, reconcileNodes, type FlowEdge, type FlowNode } from './reconcile';

export class Bridge {
  #nodes: FlowNode[] = $state.raw([]);
  #edges: FlowEdge[] = $state.raw([]);
  readonly #project: Project;
  /** Apart from where things stand, so that a drag does not ask each shot for its pipeline. */
  readonly #inputs = $derived.by(() => declaredInputs(this.#project));

  /** To be made while a component is set up: it follows the project as long as that component lives. */
  constructor(project: Project) {
    this.#project = project;
    $effect.pre(() => this.settle());
    $effect.pre(() => {
      const { edges } = project;
      const before = untrack(() => this.#edges);
      this.#edges = untrack(() => reconcileEdges(before, edges, (id) => project.node(id)?.type));
    });
  }

  /** Brings everything to where the document has it, also what a hand has let go elsewhere. */
  settle(): void {
    const { places, drags, selection, locks } = this.#project;
    this.#nodes = reconcileNodes(
      untrack(() => this.#nodes),
      places,
      drags,
      selection,
      (id) => locks.node(id) !== undefined,
      this.#inputs
    );
  }

  get nodes(): FlowNode[] {
    return this.#nodes;
  }

  /**
   * xyflow measured, selected or moved something. It also writes its nodes back to fit the view, which may be before the
   * project's own selection has come to it; so only what it selected itself is passed on.
   */
  set nodes(next: FlowNode[]) {
    const before = selectedIds(this.#nodes);
    const after = selectedIds(next);
    this.#nodes = next;
    if (before.join(' ') !== after.join(' ')) this.#project.selection = after;
  }

  get edges(): FlowEdge[] {
    return this.#edges;
  }

  set edges(next: FlowEdge[]) {
    this.#edges = next;
  }

  get selectedEdges(): string[] {
    return this.#edges.filter((edge) => edge.selected).map((edge) => edge.id);
  }
}

function selectedIds(nodes: readonly FlowNode[]): string[] {
  return nodes.filter((node) => node.selected).map((node) => node.id);
}
