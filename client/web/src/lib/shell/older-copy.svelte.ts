// A copy from an earlier life of the canvas: when its dialog opens by itself, and what the dialog says in words.
import { untrack } from 'svelte';
import type * as Y from 'yjs';
import { fieldsOf, isNothing, type Difference, type Differing } from '$lib/project/compare';
import type { Project } from '$lib/project/project.svelte';
import { NODE_SPECS } from '$lib/schema/generated';
import { count } from '$lib/ui/format';
import { remembered } from '$lib/ui/remembered.svelte';
import { toasts } from '$lib/ui/toasts.svelte';
import type { Studio } from './studio.svelte';

const FIELD_WORDS: Record<string, string> = { title: 'name', position: 'place', shot: 'number' };

/** Call while a component is being made. Opens the dialog once per copy; a copy that holds nothing more is let go. */
export function watchOlderCopy(studio: Studio): void {
  const { project } = studio;
  const asked = remembered('copies.asked', [] as string[]);
  $effect(() => {
    const copy = project.olderCopy;
    if (!copy || !project.loaded || !isJoined(project)) return;
    untrack(() => {
      const difference = project.olderDifference;
      if (difference && isNothing(difference)) {
        project.discardOlderCopy();
        if (copy.kind === 'epoch')
          toasts.show({
            title: 'This canvas was begun anew on the server',
            detail: 'Everything that your copy held is in it.',
            topic: 'older copy'
          });
      } else if (!asked.value.includes(copy.name)) {
        asked.value = [...asked.value.slice(-20), copy.name];
        studio.dialog = 'copy';
      }
    });
  });
}

/** Only the server's own document is worth comparing with. */
function isJoined({ connection }: Project): boolean {
  return ['saved', 'saving', 'stuck', 'readonly'].includes(connection.kind);
}

/** Saves a canvas as a file, readable without this app. */
export function downloadCopy(canvas: Y.Doc, name: string): void {
  const content = {
    format: 'workprint.copy.1',
    project: name,
    nodes: canvas.getMap('nodes').toJSON(),
    edges: canvas.getMap('edges').toJSON()
  };
  const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: `${name} - my copy.json` }).click();
  URL.revokeObjectURL(url);
}

/** "2 nodes and 1 link only in your copy, 3 different." */
export function summary({ added, edges, differing }: Difference): string {
  const only = [
    ...(added.length > 0 ? [count(added.length, 'node')] : []),
    ...(edges.length > 0 ? [count(edges.length, 'link')] : [])
  ];
  return [
    ...(only.length > 0 ? [`${only.join(' and ')} only in your copy`] : []),
    ...(differing.length > 0 ? [`${differing.length} different`] : [])
  ].join(', ');
}

/** In what way one thing differs. */
export function wayOf(each: Differing): string {
  switch (each.kind) {
    case 'changed': {
      const order = fieldsOf(each.type);
      const fields = [...each.fields].sort((a, b) => order.indexOf(a) - order.indexOf(b));
      return fields.map((name) => FIELD_WORDS[name] ?? name.replaceAll('_', ' ')).join(', ');
    }
    case 'deletedThere':
      return 'deleted on the server';
    case 'deletedHere':
      return 'deleted in your copy';
    case 'rejoined':
      return `${each.socket} from “${each.from[0]}” in yours, from “${each.from[1]}” on the server`;
  }
}

/** The words of a node on each side, where they differ; the first that do. */
export function wordsOf(each: Differing): { mine: string; theirs: string } | undefined {
  if (each.kind !== 'changed') return undefined;
  const field = [...NODE_SPECS[each.type].texts, 'title'].find((name) => each.fields.includes(name));
  if (!field) return undefined;
  const [mine, theirs] = [each.mine, each.theirs] as unknown as Record<string, unknown>[];
  return { mine: String(mine?.[field] ?? ''), theirs: String(theirs?.[field] ?? '') };
}
