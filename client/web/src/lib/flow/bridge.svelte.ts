// The one place where the shared document and xyflow meet: what is shared flows in, what is local flows back.
import { untrack } from 'svelte';
import type { Project } from '../project/project.svelte';
import { reconcileEdges, reconcileNodes, type FlowEdge, type FlowNode } from './reconcile';

export class Bridge {
  #nodes: FlowNode[] = $state.raw([]);
  #edges: FlowEdge[] = $state.raw([]);
  readonly #project: Project;

  /** To be made while a component is set up: it follows the project as long as that component lives. */
  constructor(project: Project) {
    this.#project = project;
    $effect.pre(() => {
      const { places, drags, selection } = project;
      this.#nodes = reconcileNodes(
        untrack(() => this.#nodes),
        places,
        drags,
        selection
      );
    });
    $effect.pre(() => {
      const { edges } = project;
      const before = untrack(() => this.#edges);
      this.#edges = untrack(() => reconcileEdges(before, edges, (id) => project.node(id)?.type));
    });
  }

  get nodes(): FlowNode[] {
    return this.#nodes;
  }

  /** xyflow measured, selected or moved something. */
  set nodes(next: FlowNode[]) {
    this.#nodes = next;
    this.#project.selection = next.filter((node) => node.selected).map((node) => node.id);
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
