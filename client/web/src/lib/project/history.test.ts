import { describe, expect, it } from 'vitest';
import { addNode, setField } from './commands';
import type { Elsewhere } from './history';
import { Desk } from './testing';

function step(log: string[], name: string, answer = true): Elsewhere {
  const tell = (what: string) => {
    log.push(`${what} ${name}`);
    return Promise.resolve(answer);
  };
  return { undo: () => tell('undo'), redo: () => tell('redo') };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('a step that the server took', () => {
  it('is undone and redone in its place among those of the canvas', async () => {
    const desk = new Desk();
    const log: string[] = [];
    const id = addNode(desk, 'note', { x: 0, y: 0 }) ?? '';
    desk.history.remember(step(log, 'restore'));
    setField(desk, id, 'title', 'Later');
    desk.history.undo();
    expect(log).toEqual([]);
    expect(desk.record(id).title).toBe('Note');
    desk.history.undo();
    await settled();
    expect(log).toEqual(['undo restore']);
    desk.history.undo();
    expect(desk.node(id)).toBeUndefined();
    expect(desk.history.canUndo).toBe(false);
    desk.history.redo();
    expect(desk.node(id)).toBeDefined();
    desk.history.redo();
    await settled();
    expect(log).toEqual(['undo restore', 'redo restore']);
    desk.history.redo();
    expect(desk.record(id).title).toBe('Later');
    expect(desk.history.canRedo).toBe(false);
  });

  it('can be undone again when the server could not be reached', async () => {
    const desk = new Desk();
    const log: string[] = [];
    desk.history.remember(step(log, 'restore', false));
    desk.history.undo();
    await settled();
    expect(desk.history.canUndo).toBe(true);
    expect(desk.history.canRedo).toBe(false);
  });

  it('is not redone once something else was done', async () => {
    const desk = new Desk();
    const log: string[] = [];
    desk.history.remember(step(log, 'restore'));
    desk.history.undo();
    await settled();
    expect(desk.history.canRedo).toBe(true);
    addNode(desk, 'note', { x: 0, y: 0 });
    expect(desk.history.canRedo).toBe(false);
  });

  it('is left out once it was taken back by its button', () => {
    const desk = new Desk();
    const restored = step([], 'restore');
    desk.history.remember(restored);
    desk.history.forget(restored);
    expect(desk.history.canUndo).toBe(false);
  });
});
