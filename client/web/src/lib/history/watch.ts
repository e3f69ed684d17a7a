// Tells of what others have restored or merged: it changes what one is working on, perhaps out of sight.
import type { Forks } from '$lib/forks/forks.svelte';
import { tellFork } from '$lib/forks/watch.svelte';
import { readForkNotice } from '$lib/forks/words';
import type { Studio } from '$lib/shell/studio.svelte';
import { count } from '$lib/ui/format';
import { toasts } from '$lib/ui/toasts.svelte';
import { readRestored, type RestoredNotice } from './restoring';
import type { Versions } from './versions.svelte';

/** Call while a component is being made; ends with the project. */
export function watchRestored(studio: Studio, versions: Versions, forks: Forks): void {
  const { project } = studio;
  let last = '';
  project.onNotice = (payload) => {
    const ofFork = readForkNotice(payload);
    const notice = ofFork ?? readRestored(payload);
    // Whoever has several documents open hears it once for each.
    if (!notice || notice.id === last) return;
    last = notice.id;
    void versions.refresh();
    if (ofFork) tellFork(studio, forks, ofFork);
    else tellRestored(studio, notice as RestoredNotice);
  };
}

function tellRestored(studio: Studio, notice: RestoredNotice): void {
  const { project } = studio;
  if (notice.by.id === project.me.id) return;
  const told = wordsOf(notice);
  const action = project.node(notice.record)
    ? { label: 'Show', run: () => studio.goTo(notice.record) }
    : { label: 'See versions', run: () => (studio.view = 'versions') };
  studio.notices.add({ ...told, action });
  toasts.show({ ...told, action });
}

function wordsOf({ by, title, record, records, id }: RestoredNotice) {
  const what = record ? `“${title || 'something'}”` : 'the canvas';
  const much = record ? '' : `${count(records, 'thing is', 'things are')} as in an earlier version. `;
  return {
    title: `${by.name} restored ${what}`,
    detail: `${much}What stood before is in the versions.`,
    topic: id
  };
}
