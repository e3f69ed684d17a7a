// Tells of what happens elsewhere: others' takes, one's own when they end out of sight, and the connection.
import { untrack } from 'svelte';
import { isLive } from '$lib/activity/activity';
import type { JobView } from '$lib/project/project.svelte';
import { placeOf } from '$lib/refused/words';
import { count } from '$lib/ui/format';
import { toasts } from '$lib/ui/toasts.svelte';
import type { Studio } from './studio.svelte';

/** A short break is nobody's business. */
const OFFLINE_AFTER_MS = 3000;
const KEEP_OPEN = 'Nothing is lost as long as this page stays open. The server keeps trying.';

/** Call while a component is being made; ends with it. */
export function watch(studio: Studio): void {
  watchJobs(studio);
  watchConnection(studio);
  watchRefusals(studio);
}

/** What was put back is said where it happened; also in the activity, and aloud when that place is out of sight. */
function watchRefusals(studio: Studio): void {
  const { project } = studio;
  project.notKept.onTold = (told) => {
    for (const edit of told) {
      const action = { label: 'See', run: () => studio.showNotKept(edit.id) };
      const words = { title: `Not kept: ${placeOf(edit, project)}`, detail: edit.message };
      studio.notices.add({ ...words, action, topic: `${edit.root}/${edit.record}/${edit.field}` });
      if (!isInSight(edit.record)) toasts.show({ ...words, action, topic: 'not kept' });
    }
  };
}

function watchJobs(studio: Studio): void {
  const { project } = studio;
  const told: string[] = [];
  let known: Map<string, JobView['status']> | undefined;
  $effect(() => {
    const jobs = project.jobs;
    if (!project.loaded) return;
    const before = known;
    known = new Map(jobs.map((job) => [job.id, job.status]));
    if (!before) return;
    untrack(() => {
      for (const job of jobs) {
        const old = before.get(job.id);
        if (old && isLive(old) && !isLive(job.status)) tell(studio, job, told);
      }
    });
  });
}

const TAKES = 'takes';

/** Takes that end while the last ones are still being told of are told of together; `told` holds their shots. */
function tell(studio: Studio, job: JobView, told: string[]): void {
  const { project } = studio;
  const isListed = document.querySelector('[data-testid="farm"]') !== null && seen();
  if (job.status === 'cancelled' || isListed || isInSight(job.node)) return;
  const title = project.node(job.node)?.title ?? 'a deleted shot';
  const action = { label: 'Show', run: () => studio.goTo(job.node) };
  if (job.status === 'completed') {
    const take = project.takes.find((candidate) => candidate.id === job.take);
    const by = job.asked_by === project.me.id ? '' : `For ${job.asked_by_name}`;
    if (!toasts.list.some(({ topic }) => topic === TAKES)) told.length = 0;
    told.unshift(title);
    const [one, ...others] = told;
    toasts.show({
      tone: 'done',
      title: others.length === 0 ? `New take of ${title}` : count(told.length, 'new take'),
      detail: others.length === 0 ? by : `Of ${one ?? ''} and ${count(others.length, 'other')}`,
      topic: TAKES,
      picture: take?.thumbnailUrl ?? '',
      action
    });
  } else {
    toasts.show({ tone: 'failed', title: `No take of ${title}`, detail: job.reason, action });
  }
}

/** Whether what became of a shot can be seen right now: on the canvas, or among the takes. */
function isInSight(nodeId: string): boolean {
  if (!seen()) return false;
  if (document.querySelector('[data-testid="contact-sheet"]')) return true;
  const node = document.querySelector(`[data-testid="node-${CSS.escape(nodeId)}"]`)?.getBoundingClientRect();
  const canvas = document.querySelector('[data-testid="canvas"]')?.getBoundingClientRect();
  if (!node || !canvas) return false;
  return (
    node.right > canvas.left &&
    node.left < canvas.right &&
    node.bottom > canvas.top &&
    node.top < canvas.bottom
  );
}

function seen(): boolean {
  return document.visibilityState === 'visible';
}

function watchConnection(studio: Studio): void {
  const { project } = studio;
  let told = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stuck = false;
  const kind = $derived(project.connection.kind);
  $effect(() => {
    if (kind === 'stuck') {
      if (!stuck) {
        announce(studio, 'The server cannot write its disk', KEEP_OPEN, 'failed');
      }
      stuck = true;
    } else if (stuck && kind === 'saved') {
      stuck = false;
      announce(studio, 'The server writes its disk again', 'Everything is saved.', 'done');
    }
  });
  $effect(() => {
    if (kind === 'offline') {
      timer ??= setTimeout(() => {
        told = true;
        announce(studio, 'Connection lost', project.connection.message, 'failed');
      }, OFFLINE_AFTER_MS);
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    if (told && kind === 'saved') {
      told = false;
      announce(
        studio,
        'Back online',
        untrack(() => project.connection.message),
        'done'
      );
    }
  });
  $effect(() => () => clearTimeout(timer));
}

function announce(studio: Studio, title: string, detail: string, tone: 'done' | 'failed'): void {
  toasts.show({ tone, title, detail, topic: 'connection' });
  studio.notices.add({ tone, title, detail });
}
