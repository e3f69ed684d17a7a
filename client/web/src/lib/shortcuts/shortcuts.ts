// Every keyboard shortcut of the app in one table: the palette, the sheet and the tooltips read from it.
import { normalise, type Chord } from '$lib/ui/keys';

export type ShortcutGroup = 'General' | 'View' | 'Canvas' | 'Shots';

export interface Shortcut {
  id: string;
  label: string;
  group: ShortcutGroup;
  /** The first one is shown; each of them works. */
  chords: readonly Chord[];
  /** Where it works: everywhere in the studio, or while the canvas has the focus (and handled there). */
  scope: 'studio' | 'canvas';
  /** Also works while somebody types in a field. */
  whileTyping?: boolean;
}

/** A movement that is no single key, listed for people only. */
export interface Gesture {
  label: string;
  group: ShortcutGroup;
  keys: string;
}

export const SHORTCUTS = [
  {
    id: 'palette',
    label: 'Command palette',
    group: 'General',
    chords: ['Mod+K'],
    scope: 'studio',
    whileTyping: true
  },
  { id: 'shortcuts', label: 'Keyboard shortcuts', group: 'General', chords: ['?'], scope: 'studio' },
  { id: 'undo', label: 'Undo', group: 'General', chords: ['Mod+Z'], scope: 'studio' },
  { id: 'redo', label: 'Redo', group: 'General', chords: ['Mod+Shift+Z', 'Mod+Y'], scope: 'studio' },
  {
    id: 'snapshot',
    label: 'Save a named version',
    group: 'General',
    chords: ['Mod+S'],
    scope: 'studio',
    whileTyping: true
  },
  {
    id: 'panel-left',
    label: 'Show or hide project panel',
    group: 'View',
    chords: ['Mod+B'],
    scope: 'studio',
    whileTyping: true
  },
  {
    id: 'panel-right',
    label: 'Show or hide inspector',
    group: 'View',
    chords: ['Mod+I'],
    scope: 'studio',
    whileTyping: true
  },
  {
    id: 'view-versions',
    label: 'Show the versions',
    group: 'View',
    chords: ['Mod+Shift+H'],
    scope: 'studio',
    whileTyping: true
  },
  { id: 'fit', label: 'Zoom to fit', group: 'View', chords: ['Shift+1'], scope: 'canvas' },
  { id: 'frame', label: 'Frame selection', group: 'View', chords: ['F'], scope: 'canvas' },
  { id: 'add-node', label: 'Add a node by typing', group: 'Canvas', chords: ['Tab'], scope: 'canvas' },
  { id: 'select-all', label: 'Select all', group: 'Canvas', chords: ['Mod+A'], scope: 'canvas' },
  { id: 'copy', label: 'Copy', group: 'Canvas', chords: ['Mod+C'], scope: 'canvas' },
  { id: 'cut', label: 'Cut', group: 'Canvas', chords: ['Mod+X'], scope: 'canvas' },
  { id: 'paste', label: 'Paste', group: 'Canvas', chords: ['Mod+V'], scope: 'canvas' },
  { id: 'duplicate', label: 'Duplicate with links', group: 'Canvas', chords: ['Mod+D'], scope: 'canvas' },
  {
    id: 'delete',
    label: 'Delete selection',
    group: 'Canvas',
    chords: ['Delete', 'Backspace'],
    scope: 'canvas'
  },
  { id: 'deselect', label: 'Select nothing', group: 'Canvas', chords: ['Escape'], scope: 'canvas' },
  {
    id: 'generate',
    label: 'Generate selected shots',
    group: 'Shots',
    chords: ['Mod+Enter'],
    scope: 'canvas',
    whileTyping: true
  },
  {
    id: 'generate-anew',
    label: 'Generate them anew, even if unchanged',
    group: 'Shots',
    chords: ['Mod+Shift+Enter'],
    scope: 'canvas'
  },
  {
    id: 'view-farm',
    label: 'Show the farm',
    group: 'View',
    chords: ['Mod+Shift+F'],
    scope: 'studio'
  }
] as const satisfies readonly Shortcut[];

export type ShortcutId = (typeof SHORTCUTS)[number]['id'];

export const GESTURES: readonly Gesture[] = [
  { label: 'Pan', group: 'View', keys: 'Space + drag' },
  { label: 'Zoom', group: 'View', keys: 'Scroll' },
  { label: 'Select several', group: 'Canvas', keys: 'Drag over them' },
  { label: 'Add to selection', group: 'Canvas', keys: 'Shift + click' },
  { label: 'Move the selection', group: 'Canvas', keys: 'Arrows, with Shift by ten' },
  { label: 'Take an edge off', group: 'Canvas', keys: 'Drag it out of the input' }
];

const BY_ID = new Map<string, Shortcut>(SHORTCUTS.map((shortcut) => [shortcut.id, shortcut]));

/** The chord to show beside an action; "" when it has none. */
export function chordFor(id: string): Chord {
  return BY_ID.get(id)?.chords[0] ?? '';
}

/** The shortcut of the studio that a chord stands for, if it may act now. */
export function studioShortcut(chord: Chord, typing: boolean): Shortcut | undefined {
  return SHORTCUTS.find((shortcut: Shortcut) => {
    if (shortcut.scope !== 'studio' || (typing && !shortcut.whileTyping)) return false;
    return shortcut.chords.some((candidate) => normalise(candidate) === chord);
  });
}

/** Chords that two shortcuts claim where both could act; the studio's act everywhere, so scopes do not separate them. */
export function conflicts(shortcuts: readonly Shortcut[]): { chord: Chord; ids: string[] }[] {
  const claims = new Map<Chord, string[]>();
  for (const { id, chords } of shortcuts) {
    for (const chord of new Set(chords.map(normalise))) claims.set(chord, [...(claims.get(chord) ?? []), id]);
  }
  return [...claims].filter(([, ids]) => ids.length > 1).map(([chord, ids]) => ({ chord, ids }));
}
