// Where the focus is on the farm page, whose rows move, begin, end and change their buttons under people's hands.
import { on } from 'svelte/events';

/** A node, or a job wherever it stands; each has one control marked `main`. */
const ROW = '[data-node], [data-job]';
/** A control that goes away once it has done its work, and what then stands in its place. */
const STANDS_IN: Record<string, string> = { pause: 'resume', drain: 'resume', resume: 'pause' };

interface Place {
  control: HTMLElement;
  name: string;
  /** Of what; its row is found again by this, also in another list. */
  kind: 'node' | 'job';
  id: string;
}

/** For a page that is told news: who stands on a row stays on it when it moves or is drawn anew. */
export function keepFocus(page: HTMLElement): () => void {
  let last: Place | undefined;
  /** A job may be in no list for a moment, between two pieces of news. */
  let isLost = false;
  const remember = ({ target }: FocusEvent) => {
    last = placeOf(target as HTMLElement);
    isLost = false;
  };
  const forget = ({ target }: Event) => {
    if (last && !last.control.contains(target as Node)) last = undefined;
  };
  const observer = new MutationObserver((changes) => {
    const place = last;
    if (!place) return;
    isLost ||= changes.some(({ removedNodes }) =>
      [...removedNodes].some((node) => node.contains(place.control))
    );
    if (isLost && !isElsewhere()) controlAt(page, place)?.focus();
  });
  observer.observe(page, { childList: true, subtree: true });
  const off = [on(page, 'focusin', remember), on(document, 'pointerdown', forget)];
  return () => {
    observer.disconnect();
    for (const stop of off) stop();
  };
}

/** Back to a job after its dialog has closed, if what opened it is no longer there: wherever the job is now. */
export function focusJob(page: HTMLElement, job: string): void {
  // After the dialog has given the focus back.
  setTimeout(() => {
    if (!isElsewhere()) controlAt(page, { kind: 'job', id: job, name: 'main' })?.focus();
  });
}

/** For a list: Up, Down, Home and End go from row to row, to the same control where there is one. */
export function stepRows(list: HTMLElement): () => void {
  return on(list, 'keydown', (event) => {
    const control = (event.target as HTMLElement).closest<HTMLElement>('[data-control]');
    const row = control?.closest<HTMLElement>(ROW);
    const name = control?.dataset['control'] ?? '';
    if (!row || !stepsWith(event, name)) return;
    const rows = [...list.querySelectorAll<HTMLElement>(ROW)];
    const next = rows[stepOf(event.key, rows.indexOf(row), rows.length) ?? -1];
    if (!next) return;
    event.preventDefault();
    (controlIn(next, name) ?? controlIn(next, 'main'))?.focus();
  });
}

/** Whether a plain key was pressed on a control of that name. */
export function stepsWith(event: KeyboardEvent, name: string): boolean {
  const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  return isPlain && !event.defaultPrevented && (event.target as HTMLElement).dataset['control'] === name;
}

/** The place that a key leads to in a list of that many; undefined when it leads nowhere. */
export function stepOf(key: string, from: number, count: number): number | undefined {
  const to = { ArrowUp: from - 1, ArrowDown: from + 1, Home: 0, End: count - 1 }[key];
  return to !== undefined && to >= 0 && to < count ? to : undefined;
}

/** The control of that name in a row, which may be one control itself. */
export function controlIn(row: HTMLElement, name: string): HTMLElement | null {
  const asked = `[data-control="${name}"]`;
  return row.matches(asked) ? row : row.querySelector<HTMLElement>(asked);
}

function controlAt(page: HTMLElement, { kind, id, name }: Omit<Place, 'control'>): HTMLElement | null {
  const rows = [...page.querySelectorAll<HTMLElement>(ROW)];
  const found = rows.find(({ dataset }) => dataset[kind] === id) ?? null;
  return (
    found && (controlIn(found, name) ?? controlIn(found, STANDS_IN[name] ?? '') ?? controlIn(found, 'main'))
  );
}

function placeOf(target: HTMLElement): Place | undefined {
  const control = target.closest<HTMLElement>('[data-control]');
  const { node, job } = control?.closest<HTMLElement>(ROW)?.dataset ?? {};
  const id = node || job;
  if (!control || !id) return undefined;
  return { control, name: control.dataset['control'] ?? '', kind: node ? 'node' : 'job', id };
}

/** Whether something else has the focus; what is removed leaves it to the page as a whole. */
function isElsewhere(): boolean {
  return document.activeElement !== null && document.activeElement !== document.body;
}
