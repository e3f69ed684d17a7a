import { expect, it } from 'vitest';
import { Draft } from './draft.svelte';

it('gives what was typed once, with what it was typed about', () => {
  const draft = new Draft();
  draft.type('The do', 'shot-1');
  draft.type('The door', 'shot-1');
  expect(draft.take()).toEqual({ text: 'The door', subject: 'shot-1' });
  expect(draft.take()).toBeNull();
});

it('remembers its subject when the field has moved on', () => {
  const draft = new Draft();
  draft.type('The door', 'shot-1');
  expect(draft.isStrandedFrom('shot-1')).toBe(false);
  expect(draft.isStrandedFrom('shot-2')).toBe(true);
  expect(draft.take()?.subject).toBe('shot-1');
  expect(draft.isStrandedFrom('shot-2')).toBe(false);
});
