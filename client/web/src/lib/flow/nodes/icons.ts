// The icon of each node type, the same in palette, header and search.
import type { LucideIcon } from '@lucide/svelte';
import Clapperboard from '@lucide/svelte/icons/clapperboard';
import Cpu from '@lucide/svelte/icons/cpu';
import Palette from '@lucide/svelte/icons/palette';
import StickyNote from '@lucide/svelte/icons/sticky-note';
import TextQuote from '@lucide/svelte/icons/text-quote';
import type { NodeType } from '../../schema/generated';

export const NODE_ICONS: Record<NodeType, LucideIcon> = {
  shot: Clapperboard,
  pipeline: Cpu,
  style: Palette,
  prompt: TextQuote,
  note: StickyNote
};
