// Which key does what on the canvas. Copy, cut and paste are not here: they arrive as clipboard events.
import type { CanvasActions } from './actions';
import type { Project } from '../project/project.svelte';

const NUDGE = 1;
const BIG_NUDGE = 10;

export type KeyTargets = {
  project: Project;
  actions: CanvasActions;
  openSearch: () => void;
  escape: () => void;
};

export const CANVAS_KEYS: Record<string, (targets: KeyTargets) => void> = {
  Delete: ({ actions }) => actions.remove(),
  Backspace: ({ actions }) => actions.remove(),
  'Mod+A': ({ actions }) => actions.selectAll(),
  'Mod+D': ({ actions }) => actions.duplicate(),
  'Mod+Z': ({ project }) => project.undo(),
  'Mod+Shift+Z': ({ project }) => project.redo(),
  'Mod+Y': ({ project }) => project.redo(),
  'Mod+Enter': ({ actions }) => actions.generateSelected(),
  'Mod+Shift+Enter': ({ actions }) => actions.generateSelected(true),
  F: ({ actions }) => actions.frameSelection(),
  'Shift+1': ({ actions }) => actions.fit(),
  Tab: ({ openSearch }) => openSearch(),
  Escape: ({ escape }) => escape(),
  Left: ({ actions }) => actions.nudge(-NUDGE, 0),
  Right: ({ actions }) => actions.nudge(NUDGE, 0),
  Up: ({ actions }) => actions.nudge(0, -NUDGE),
  Down: ({ actions }) => actions.nudge(0, NUDGE),
  'Shift+Left': ({ actions }) => actions.nudge(-BIG_NUDGE, 0),
  'Shift+Right': ({ actions }) => actions.nudge(BIG_NUDGE, 0),
  'Shift+Up': ({ actions }) => actions.nudge(0, -BIG_NUDGE),
  'Shift+Down': ({ actions }) => actions.nudge(0, BIG_NUDGE)
};
