import { tick } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { focusJob, keepFocus, stepOf, stepRows } from './focus';

let stop: (() => void) | undefined;

afterEach(() => {
  stop?.();
  document.body.replaceChildren();
});

/** A page with these rows on it, each with the controls that are named. */
function pageOf(rows: Record<string, string[]>): HTMLElement {
  const page = document.createElement('div');
  for (const [id, names] of Object.entries(rows)) page.append(rowOf(id, names));
  document.body.append(page);
  return page;
}

function rowOf(id: string, names: string[]): HTMLElement {
  const row = document.createElement('div');
  row.dataset[id.startsWith('node') ? 'node' : 'job'] = id;
  row.append(...names.map(control));
  return row;
}

function control(name: string): HTMLElement {
  const button = document.createElement('button');
  button.dataset['control'] = name;
  return button;
}

function at(page: HTMLElement, id: string, name: string): HTMLElement {
  const found = page.querySelector<HTMLElement>(
    `[data-node="${id}"] [data-control=${name}], [data-job="${id}"] [data-control=${name}]`
  );
  if (!found) throw new Error(`no ${name} on ${id}`);
  return found;
}

describe('the focus on the farm page', () => {
  it('goes from what has done its work to what stands in its place', async () => {
    const page = pageOf({ 'node-1': ['pause', 'drain', 'main'] });
    stop = keepFocus(page);
    at(page, 'node-1', 'drain').focus();
    at(page, 'node-1', 'pause').remove();
    at(page, 'node-1', 'drain').replaceWith(control('resume'));
    await vi.waitFor(() => expect(document.activeElement).toBe(at(page, 'node-1', 'resume')));
  });

  it('goes to the main control of the row where nothing stands in', async () => {
    const page = pageOf({ 'node-1': ['pause', 'forgive', 'main'] });
    stop = keepFocus(page);
    at(page, 'node-1', 'forgive').focus();
    at(page, 'node-1', 'forgive').remove();
    await vi.waitFor(() => expect(document.activeElement).toBe(at(page, 'node-1', 'main')));
  });

  it('follows a job to another place and to another list', async () => {
    const page = pageOf({ a: ['main', 'priority'], b: ['main', 'priority'] });
    stop = keepFocus(page);
    at(page, 'b', 'priority').focus();
    page.prepend(page.querySelector('[data-job=b]') as HTMLElement);
    await vi.waitFor(() => expect(document.activeElement).toBe(at(page, 'b', 'priority')));
    page.querySelector('[data-job=b]')?.remove();
    await vi.waitFor(() => expect(document.activeElement).toBe(document.body));
    page.append(rowOf('b', ['main']));
    await vi.waitFor(() => expect(document.activeElement).toBe(at(page, 'b', 'main')));
  });

  it('is left where somebody has put it since', async () => {
    const page = pageOf({ a: ['main'], b: ['main'] });
    stop = keepFocus(page);
    await tick(); // Svelte listens to the pointer a moment later.
    const seen = vi.fn();
    new MutationObserver(seen).observe(page, { childList: true });
    at(page, 'a', 'main').focus();
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));
    at(page, 'a', 'main').blur();
    page.querySelector('[data-job=a]')?.replaceWith(rowOf('a', ['main']));
    await vi.waitFor(() => expect(seen).toHaveBeenCalled());
    expect(document.activeElement).toBe(document.body);
  });

  it('comes back to a job whose row is drawn anew while its dialog is open', async () => {
    const page = pageOf({ a: ['main'] });
    focusJob(page, 'a');
    await vi.waitFor(() => expect(document.activeElement).toBe(at(page, 'a', 'main')));
  });

  it('steps through the rows with the arrows, to the same control where there is one', () => {
    const page = pageOf({
      'node-1': ['pause', 'main'],
      'node-2': ['resume', 'main'],
      'node-3': ['pause', 'main']
    });
    stop = stepRows(page);
    const press = (key: string, more: KeyboardEventInit = {}) =>
      document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, ...more }));
    at(page, 'node-1', 'pause').focus();
    press('ArrowDown', { altKey: true });
    press('ArrowUp');
    expect(document.activeElement).toBe(at(page, 'node-1', 'pause'));
    press('End');
    expect(document.activeElement).toBe(at(page, 'node-3', 'pause'));
    press('ArrowUp');
    expect(document.activeElement).toBe(at(page, 'node-2', 'main'));
  });

  it('leaves a list at neither end', () => {
    expect(stepOf('ArrowUp', 0, 3)).toBeUndefined();
    expect(stepOf('ArrowDown', 2, 3)).toBeUndefined();
    expect(stepOf('Home', 2, 3)).toBe(0);
    expect(stepOf('a', 1, 3)).toBeUndefined();
  });
});
