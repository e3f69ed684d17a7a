// What can be done with forks, for the command palette.
import ArrowLeft from '@lucide/svelte/icons/arrow-left';
import GitCompareArrows from '@lucide/svelte/icons/git-compare-arrows';
import GitFork from '@lucide/svelte/icons/git-fork';
import GitMerge from '@lucide/svelte/icons/git-merge';
import Trash from '@lucide/svelte/icons/trash';
import type { Action } from '$lib/shortcuts/actions';
import type { Forks } from './forks.svelte';

/** Reactive: call it in a derived value. */
export function forkActions(forks: Forks): Action[] {
  const { name } = forks;
  const group = 'Forks';
  const here: Action[] = name
    ? [
        { id: 'fork-leave', label: 'Back to the canvas', group, icon: ArrowLeft, run: () => forks.leave() },
        {
          id: 'fork-changes',
          label: `See the changes of the fork ${name}`,
          group,
          icon: GitCompareArrows,
          keywords: ['diff', 'compare'],
          run: () => forks.compare(name)
        },
        {
          id: 'fork-merge',
          label: `Merge the fork ${name} into the canvas…`,
          group,
          icon: GitMerge,
          reason: forks.whyNotMerge(name),
          run: () => (forks.asked = { what: 'merge', name })
        },
        {
          id: 'fork-delete',
          label: `Throw the fork ${name} away…`,
          group,
          icon: Trash,
          keywords: ['delete', 'remove'],
          reason: forks.whyNot,
          run: () => (forks.asked = { what: 'delete', name })
        }
      ]
    : [];
  const others = forks.studio.project.forks.names.filter((other) => other !== name);
  return [
    ...here,
    {
      id: 'fork-make',
      label: 'Fork the canvas…',
      group,
      icon: GitFork,
      keywords: ['branch', 'try', 'copy', 'experiment'],
      reason: forks.whyNot,
      run: () => (forks.making = true)
    },
    ...others.map((other): Action => ({
      id: `fork-open-${other}`,
      label: `Open the fork ${other}`,
      group,
      icon: GitFork,
      run: () => forks.enter(other)
    }))
  ];
}
