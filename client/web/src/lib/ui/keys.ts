// Keyboard chords as text, "Mod+Shift+Z": read from an event, compared, and written for a person to read.

/** A chord in one fixed order and spelling, so that two of them can be compared: "Mod+Shift+Z". */
export type Chord = string;

const MODIFIERS = ['Mod', 'Ctrl', 'Alt', 'Shift'] as const;

const NAMES: Record<string, string> = {
  ' ': 'Space',
  ArrowUp: 'Up',
  ArrowDown: 'Down',
  ArrowLeft: 'Left',
  ArrowRight: 'Right',
  Esc: 'Escape',
  Del: 'Delete'
};

const SYMBOLS: Record<string, string> = {
  Up: '↑',
  Down: '↓',
  Left: '←',
  Right: '→',
  Enter: '↵',
  Escape: 'Esc'
};

export function isApple(platform = globalThis.navigator?.platform ?? ''): boolean {
  return /mac|iphone|ipad/i.test(platform);
}

/** "shift+mod+z" to "Mod+Shift+Z". A plus sign as the key itself is written "Plus". */
export function normalise(chord: string): Chord {
  const parts = chord.split('+').map((part) => part.trim());
  const key = parts.pop() ?? '';
  const held = new Set(parts.map((part) => part.toLowerCase()));
  const modifiers = MODIFIERS.filter((name) => held.has(name.toLowerCase()));
  return [...modifiers, key.length === 1 ? key.toUpperCase() : capital(key)].join('+');
}

/** The chord an event stands for; "" while only modifiers are down. */
export function chordOf(event: KeyboardEvent, apple = isApple()): Chord {
  if (['Control', 'Meta', 'Alt', 'Shift', 'Dead', 'Process'].includes(event.key)) return '';
  const parts: string[] = [];
  if (apple ? event.metaKey : event.ctrlKey) parts.push('Mod');
  if (apple && event.ctrlKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  // A sign such as "?" already contains its shift; a digit row key is named by what is printed on it.
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  const key = event.shiftKey && digit ? digit : (NAMES[event.key] ?? event.key);
  if (event.shiftKey && (key.length > 1 || /^[a-z0-9]$/i.test(key))) parts.push('Shift');
  return normalise([...parts, key === '+' ? 'Plus' : key].join('+'));
}

/** The keycaps to draw, in the words of the machine in front of the person. */
export function keycaps(chord: Chord, apple = isApple()): string[] {
  return chord.split('+').map((part) => {
    if (part === 'Mod') return apple ? '⌘' : 'Ctrl';
    if (part === 'Alt') return apple ? '⌥' : 'Alt';
    if (part === 'Shift') return apple ? '⇧' : 'Shift';
    return SYMBOLS[part] ?? (part === 'Plus' ? '+' : part);
  });
}

/** For `aria-keyshortcuts`. */
export function ariaKeys(chord: Chord, apple = isApple()): string {
  return chord.replace('Mod', apple ? 'Meta' : 'Control');
}

/** Whether keystrokes belong to a field in which somebody types. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('[contenteditable="true"], .cm-editor')) return true;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
