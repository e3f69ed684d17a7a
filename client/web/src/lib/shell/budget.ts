// How much of a project's budget is left, in numbers and words.
import type { Budget } from '$lib/api';
import { money } from '$lib/ui/format';

export interface BudgetLeft {
  /** What may still be spent; null while no cap is set. */
  left: number | null;
  /** Share of the cap that is spent or reserved, 0 to 100. */
  usedPercent: number;
  text: string;
  detail: string;
  isTight: boolean;
}

const TIGHT_PERCENT = 90;

export function budgetLeft({ cap, spent, reserved }: Budget): BudgetLeft {
  if (cap === null) {
    return {
      left: null,
      usedPercent: 0,
      text: 'No budget cap',
      detail: `${money(spent)} spent. Nothing can be generated until the brief has a cap.`,
      isTight: true
    };
  }
  const left = Math.max(0, cap - spent - reserved);
  const usedPercent = cap > 0 ? Math.min(100, ((spent + reserved) / cap) * 100) : 100;
  const waiting = reserved > 0 ? `, ${money(reserved)} reserved for jobs under way` : '';
  return {
    left,
    usedPercent,
    text: `${money(left)} left`,
    detail: `${money(spent)} of ${money(cap)} spent${waiting}`,
    isTight: cap > 0 && usedPercent >= TIGHT_PERCENT
  };
}
