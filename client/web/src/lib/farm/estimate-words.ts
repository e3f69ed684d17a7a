// An estimate in words: what will run where, when its take is there, and what stands in the way.
import type { BatchEstimate, Estimate, Take } from '$lib/schema/generated';
import { formatPrice } from '$lib/project/generating';
import { count, duration, money } from '$lib/ui/format';
import { placeWords } from './words';

/** "Next in line, take in about 12 s". */
export function whenWords(made: Pick<Estimate, 'position' | 'eta_seconds' | 'farm_nodes'>): string {
  if (made.farm_nodes === 0) return 'Waits for a farm node';
  const place = made.position > 0 ? placeWords(made.position) : 'No job before it';
  return `${place}, take in about ${duration(rounded(made.eta_seconds))}`;
}

/** "12 s, as measured" or "12 s, as the catalogue says". */
export function workWords(made: Pick<Estimate, 'seconds' | 'seconds_from'>): string {
  const source = made.seconds_from === 'measured' ? 'as such takes took' : "by the catalogue's guess";
  return `${duration(rounded(made.seconds))}, ${source}`;
}

export function leftWords(left: number | null): string {
  return left === null ? 'No budget cap' : `${money(left)} left`;
}

/** "Unchanged, take 3"; empty when there is no equal take. */
export function unchangedWords(
  made: Pick<Estimate, 'cached_take'> | undefined,
  takes: readonly (Pick<Take, 'number'> & { id: string })[]
): string {
  if (!made?.cached_take) return '';
  const take = takes.find(({ id }) => id === made.cached_take);
  return take ? `Unchanged, take ${take.number}` : 'Unchanged, an equal take is there';
}

export interface BatchWords {
  /** On the button that makes what changed. */
  changed: string;
  /** On the button that makes everything anew; empty when that is the same. */
  anew: string;
  /** Under the buttons. */
  detail: string;
  /** What stands in the way of all; empty when nothing does. */
  blocked: string;
}

export function batchWords(made: BatchEstimate, unitPrices: readonly number[]): BatchWords {
  const changed = made.available - made.cached;
  const all = unitPrices.reduce((sum, price) => sum + price, 0);
  const detail = [
    made.cached > 0 ? `${count(made.cached, 'shot')} unchanged` : '',
    changed > 0 && made.eta_seconds > 0 ? `all there in about ${duration(rounded(made.eta_seconds))}` : '',
    made.budget_left_usd === null ? '' : leftWords(made.budget_left_usd)
  ];
  const first = made.shots.find((shot) => !shot.available);
  return {
    changed:
      made.cached === 0
        ? `Generate ${count(changed, 'take')} - ${formatPrice(made.price_usd)}`
        : changed > 0
          ? `Generate only what changed: ${count(changed, 'take')} - ${formatPrice(made.price_usd)}`
          : 'Nothing has changed',
    anew: made.cached > 0 ? `Generate all ${made.available} anew - ${formatPrice(all)}` : '',
    detail: sentence(detail.filter(Boolean).join(', ')),
    blocked:
      made.available === 0
        ? (first?.reason ?? 'There is no shot among these')
        : made.affordable
          ? changed === 0
            ? 'Each of these shots has a take that is exactly what would be made.'
            : ''
          : `The budget does not last for all of them: ${leftWords(made.budget_left_usd)}. Select fewer, or raise the cap in the brief.`
  };
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Estimates are no promises to the tenth of a second. */
function rounded(seconds: number): number {
  return seconds < 1 ? Math.max(0.1, seconds) : Math.round(seconds);
}
