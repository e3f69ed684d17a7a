// What can be done now: the entries of the command palette.
import type { LucideIcon } from '@lucide/svelte';
import type { ShortcutId } from './shortcuts';

export interface Action {
  /** Of the shortcut that does the same, or a name of its own. */
  id: ShortcutId | (string & {});
  label: string;
  group: string;
  icon?: LucideIcon;
  /** Other words people may type for it. */
  keywords?: string[];
  /** Why it cannot be done now; "" or absent when it can. */
  reason?: string;
  run: () => void;
}
