// Follows the page's address into forks and out of them, and notices when one is not there any more.
import { untrack } from 'svelte';
import { page } from '$app/state';
import type { Studio } from '$lib/shell/studio.svelte';
import { toasts } from '$lib/ui/toasts.svelte';
import { PARAMETER, topicOf, type Forks } from './forks.svelte';
import { noticeWords, type ForkNotice } from './words';

const GONE = 'It was thrown away. What was merged before is on the canvas.';

/** Call while a component is being made; ends with it. */
export function watchForks(forks: Forks): void {
  const { project } = forks.studio;
  const named = $derived(page.url.searchParams.get(PARAMETER) ?? '');
  $effect(() => {
    const name = named;
    untrack(() => forks.follow(name));
  });
  $effect(() => {
    if (forks.name === '') return;
    const own = forks.shown.project;
    const refused = own.fork !== '' && own.connection.kind === 'refused' ? own.connection.message : '';
    const whole = project.connection.kind === 'refused' || project.connection.kind === 'failed';
    const why = project.forks.isGone(forks.name) ? GONE : whole ? '' : refused;
    if (why) untrack(() => forks.leadBack(why));
  });
  // Made and thrown away by anybody.
  const known = $derived(
    [...project.forks.used].map((name) => `${name} ${project.forks.isGone(name)}`).join()
  );
  $effect(() => {
    void known;
    untrack(() => void forks.list.refresh());
  });
  $effect(() => () => forks.close());
}

/** Tells of what others did with a fork. */
export function tellFork(studio: Studio, forks: Forks, notice: ForkNotice): void {
  // The document that says which forks there are may have come before this notice.
  const wasIn = [forks.name, forks.left].includes(notice.fork);
  forks.hear(notice);
  if (notice.by.id === studio.project.me.id) return;
  const { title, detail } = noticeWords(notice, wasIn);
  const action =
    notice.type === 'merged' ? { label: 'See versions', run: () => (studio.view = 'versions') } : undefined;
  const told = {
    title,
    detail,
    topic: topicOf(notice.fork),
    ...(action ? { action } : {})
  };
  studio.notices.add(told);
  // Above the fork it stands in the bar.
  if (forks.name !== notice.fork) toasts.show(told);
}
