// What the state of a shot is called and which icon and colour stand for it; never colour alone.
import type { LucideIcon } from '@lucide/svelte';
import Ban from '@lucide/svelte/icons/ban';
import Circle from '@lucide/svelte/icons/circle';
import CircleAlert from '@lucide/svelte/icons/circle-alert';
import CircleCheck from '@lucide/svelte/icons/circle-check';
import Clock from '@lucide/svelte/icons/clock';
import LoaderCircle from '@lucide/svelte/icons/loader-circle';
import type { JobView } from '../../project/types';
import type { NodeState } from '../../schema/generated';

export type Look = { label: string; colour: string; icon: LucideIcon; spins?: boolean };

/** A cancelled try does not hide that there are takes. */
export function lookOf(state: NodeState | 'asked', job: JobView | undefined, takes: number): Look {
  if (state === 'asked') return { label: 'Asked', colour: 'var(--queued)', icon: Clock };
  switch (job?.status === 'cancelled' && takes > 0 ? 'completed' : job?.status) {
    case 'queued':
      return { label: 'Queued', colour: 'var(--queued)', icon: Clock };
    case 'running':
      return { label: 'Running', colour: 'var(--running)', icon: LoaderCircle, spins: true };
    case 'completed':
      return { label: 'Done', colour: 'var(--done)', icon: CircleCheck };
    case 'cancelled':
      return { label: 'Cancelled', colour: 'var(--queued)', icon: Ban };
    case 'refused':
      return { label: 'Refused', colour: 'var(--failed)', icon: CircleAlert };
    case 'lost':
      return { label: 'Lost', colour: 'var(--failed)', icon: CircleAlert };
    case 'failed':
      return { label: 'Failed', colour: 'var(--failed)', icon: CircleAlert };
    default:
      return { label: 'Nothing generated yet', colour: 'var(--text-3)', icon: Circle };
  }
}
