// The high-contrast look: follows the system unless somebody chose one here.
import { remembered } from '$lib/ui/remembered.svelte';

export type Contrast = 'system' | 'more' | 'normal';

const choice = remembered<Contrast>('contrast', 'system');

export const contrast = {
  get value(): Contrast {
    return choice.value;
  },
  set value(next: Contrast) {
    choice.value = next;
    applyContrast();
  },
  /** Whether the page shows more contrast now. */
  get isMore(): boolean {
    return (
      choice.value === 'more' || (choice.value === 'system' && matchMedia('(prefers-contrast: more)').matches)
    );
  },
  toggle(): void {
    this.value = this.isMore ? 'normal' : 'more';
  }
};

export function applyContrast(): void {
  if (choice.value === 'system') delete document.documentElement.dataset.contrast;
  else document.documentElement.dataset.contrast = choice.value;
}
