// The inputs of shots whose pipelines declare their own: what is drawn, and where edges end.
import { untrack } from 'svelte';
import type { Project } from '../project/project.svelte';
import { inputsOf, lostInputs } from '../project/sockets';
import type { Inputs } from './reconcile';

/** What is joined where nothing is taken any more stays, below the others. To be read in an effect. */
export function declaredInputs(project: Project): Inputs {
  const targets = new Set(project.edges.map((edge) => edge.target));
  const found = [...targets].flatMap((id) => {
    const declared = project.declared(id);
    const type = untrack(() => project.node(id)?.type);
    if (type !== 'shot' || !declared) return [];
    const inputs = inputsOf(type, declared);
    return [
      [id, [...inputs.map((socket) => socket.name), ...lostInputs(inputs, joinedAt(project, id))]] as const
    ];
  });
  return new Map(found);
}

/** The inputs of a node that something is joined to. */
export function joinedAt(project: Project, id: string): string[] {
  return project
    .edgesOf(id)
    .filter((edge) => edge.target === id)
    .map((edge) => edge.target_socket);
}
