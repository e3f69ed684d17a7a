import { expect, it } from 'vitest';
import { hueColour, initials } from './avatar';

it('shortens names to two letters', () => {
  expect(initials('Ada Lovelace')).toBe('AL');
  expect(initials('Ada King of Lovelace')).toBe('AL');
  expect(initials('bo')).toBe('BO');
  expect(initials('Gil (guest)')).toBe('GI');
  expect(initials('Gil (guest 2)')).toBe('GI');
  expect(initials('  ')).toBe('?');
});

it('has a colour for any hue number', () => {
  expect(hueColour(3)).toBe('var(--hue-3)');
  expect(hueColour(9)).toBe('var(--hue-1)');
  expect(hueColour(-1)).toBe('var(--hue-7)');
});
