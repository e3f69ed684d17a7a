// The others in the room, one entry per person even when somebody has several windows open.
import type { Person } from '$lib/project/types';

export interface Group {
  person: Person;
  windows: number;
  /** The same account as mine, in another window or on another machine. */
  isMyself: boolean;
}

/** In the order of arrival; of several windows the one with a cursor speaks for the person. */
export function others(people: readonly Person[], myId: string): Group[] {
  const groups = new Map<string, Group>();
  for (const person of people) {
    if (person.isMe) continue;
    const known = groups.get(person.user.id);
    if (!known) groups.set(person.user.id, { person, windows: 1, isMyself: person.user.id === myId });
    else {
      known.windows += 1;
      if (!known.person.cursor && person.cursor) known.person = person;
    }
  }
  return [...groups.values()];
}

export function describe({ person, windows, isMyself }: Group): string {
  const name = isMyself ? `${person.user.name} (you, elsewhere)` : person.user.name;
  return windows > 1 ? `${name}, ${windows} windows` : name;
}
