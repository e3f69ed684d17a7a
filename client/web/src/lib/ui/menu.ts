import type { LucideIcon } from '@lucide/svelte';

/** One line of a menu. */
export type MenuItem =
  | 'separator'
  | {
      label: string;
      icon?: LucideIcon;
      shortcut?: string;
      checked?: boolean;
      /** Why it cannot be chosen; "" or absent when it can. */
      reason?: string;
      run: () => void;
    };
