import { describe, expect, it } from 'vitest';
import { chordOf, isTyping, keycaps, normalise } from './keys';

function press(init: KeyboardEventInit): KeyboardEvent {
  return new KeyboardEvent('keydown', init);
}

describe('a chord', () => {
  it('has one spelling', () => {
    expect(normalise('shift+mod+z')).toBe('Mod+Shift+Z');
    expect(normalise('delete')).toBe('Delete');
  });

  it('is read with the key that the platform uses for commands', () => {
    expect(chordOf(press({ key: 'k', ctrlKey: true }), false)).toBe('Mod+K');
    expect(chordOf(press({ key: 'k', metaKey: true }), true)).toBe('Mod+K');
    expect(chordOf(press({ key: 'k', ctrlKey: true }), true)).toBe('Ctrl+K');
  });

  it('does not say Shift twice for a sign that needs it', () => {
    expect(chordOf(press({ key: '?', shiftKey: true }), false)).toBe('?');
    expect(chordOf(press({ key: 'Z', shiftKey: true, ctrlKey: true }), false)).toBe('Mod+Shift+Z');
  });

  it('names digits by what is printed on the key, whatever Shift makes of them', () => {
    expect(chordOf(press({ key: '!', code: 'Digit1', shiftKey: true }), false)).toBe('Shift+1');
  });

  it('is nothing while only modifiers are down', () => {
    expect(chordOf(press({ key: 'Shift', shiftKey: true }), false)).toBe('');
  });

  it('is drawn in the words of the machine', () => {
    expect(keycaps('Mod+Shift+Z', true)).toEqual(['⌘', '⇧', 'Z']);
    expect(keycaps('Mod+Enter', false)).toEqual(['Ctrl', '↵']);
  });
});

describe('typing', () => {
  it('is what happens in fields, not on buttons', () => {
    expect(isTyping(document.createElement('textarea'))).toBe(true);
    expect(isTyping(document.createElement('input'))).toBe(true);
    expect(isTyping(document.createElement('button'))).toBe(false);
    expect(isTyping(Object.assign(document.createElement('input'), { type: 'checkbox' }))).toBe(false);
    expect(isTyping(null)).toBe(false);
  });
});
