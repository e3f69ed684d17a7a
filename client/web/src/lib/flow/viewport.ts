// Where this person last looked in a project (C-005): theirs alone, so it is kept in their browser.
import type { Viewport } from '@xyflow/svelte';

const SAFE = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export function recallViewport(projectId: string): Viewport | undefined {
  try {
    const { x, y, zoom } = JSON.parse(localStorage.getItem(key(projectId)) ?? '{}') as Partial<Viewport>;
    return SAFE(x) && SAFE(y) && SAFE(zoom) && zoom > 0 ? { x, y, zoom } : undefined;
  } catch {
    return undefined;
  }
}

export function keepViewport(projectId: string, viewport: Viewport): void {
  try {
    localStorage.setItem(key(projectId), JSON.stringify(viewport));
  } catch {
    // Without storage the next visit starts with everything in view.
  }
}

function key(projectId: string): string {
  return `workprint/viewport/${projectId}`;
}
