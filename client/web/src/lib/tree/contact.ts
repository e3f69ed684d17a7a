// The takes of a film laid out shot by shot, as on a contact sheet.
import { shotCode, type ShotEntry } from './tree';

export type TakeFilter = 'all' | 'starred' | 'active';

export interface ContactShot extends ShotEntry {
  active_take: string;
  stars: Record<string, boolean>;
}

export interface Strip<Take> {
  shot: ContactShot;
  code: string;
  takes: Take[];
}

/** Shots in the order of the film, each with the takes that pass the filter; shots without any are left out. */
export function contactSheet<Take extends { id: string }>(
  shots: readonly ContactShot[],
  takesOf: (node: string) => readonly Take[],
  activeOf: (node: string) => string | undefined,
  filter: TakeFilter
): Strip<Take>[] {
  const passes = (shot: ContactShot, take: Take) => {
    if (filter === 'starred') return shot.stars[take.id] === true;
    return filter === 'all' || activeOf(shot.id) === take.id;
  };
  return [...shots]
    .sort(
      (a, b) =>
        a.chapter - b.chapter || a.scene - b.scene || a.shot - b.shot || a.title.localeCompare(b.title)
    )
    .map((shot) => ({
      shot,
      code: shotCode(shot),
      takes: takesOf(shot.id).filter((take) => passes(shot, take))
    }))
    .filter((strip) => strip.takes.length > 0);
}
