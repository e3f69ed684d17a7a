import type { LucideIcon } from '@lucide/svelte';

/** One of a few values to choose from. */
export interface Choice<Value extends string = string> {
  value: Value;
  label: string;
  /** One line on what it means. */
  detail?: string;
  icon?: LucideIcon;
}
