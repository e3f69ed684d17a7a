// Versions, and what differs between them, in the words that people use.
import { capital, clockTime, documentWords, fieldWords, typeWords } from '../changes/words';
import type { Refused, Version } from './rest';
import type { Asked } from './travel.svelte';

/** "14:05", "yesterday, 14:05", "3 Mar, 14:05": stands after "the version of". */
export function whenWords(iso: string, now: Date = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return 'an unknown time';
  if (at.toDateString() === now.toDateString()) return clockTime(iso);
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (at.toDateString() === yesterday.toDateString()) return `yesterday, ${clockTime(iso)}`;
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const };
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...year })}, ${clockTime(iso)}`;
}

/** "“For the director”", else "the version of 14:05". */
export function versionWords(version: Pick<Version, 'names' | 'at'>, now: Date = new Date()): string {
  const [name] = version.names;
  return name ? `“${name}”` : `the version of ${whenWords(version.at, now)}`;
}

/** "Ana", "Ana and Bo", "Ana, Bo and 2 more". */
export function peopleWords(names: readonly string[]): string {
  const [first = '', second = '', ...more] = names;
  if (names.length < 2) return first;
  if (more.length === 0) return `${first} and ${second}`;
  return `${first}, ${second} and ${more.length === 1 ? (more[0] ?? '') : `${more.length} more`}`;
}

/** A message without the name that the server put before it: that is shown by itself. */
export function messageWords({ message, names }: Pick<Version, 'message' | 'names'>): string {
  const name = names.find((each) => message.startsWith(`${each}: `));
  return name ? message.slice(name.length + 2) : message;
}

/** The clauses of a message, each of which says what happened to one thing. */
export function clausesOf(version: Pick<Version, 'message' | 'names'>): string[] {
  return messageWords(version)
    .split('; ')
    .map((clause) => clause.trim())
    .filter(Boolean);
}

/** What restoring means, before it is done: "Rooftop’s prompt becomes what it was in the version of 14:05." */
export function consequence({ version, document, record, field }: Asked, now: Date = new Date()): string {
  const then = `in ${versionWords(version, now)}`;
  const everybody = 'Everybody sees it at once';
  if (!record) {
    const what = document === 'canvas' ? 'The whole canvas' : documentWords(document);
    return `${what} becomes what it was ${then}: nodes that were added since go, nodes that were removed come back. Takes stay, all of them. ${everybody}.`;
  }
  const name = record.title ? `“${record.title}”` : `This ${typeWords(record.type) || 'record'}`;
  if (field) return `The ${fieldWords(field.name)} of ${name} becomes what it was ${then}. ${everybody}.`;
  if (record.change === 'added') return `${name} was not there ${then}: it goes. ${everybody}.`;
  if (record.change === 'removed') return `${name} comes back as it was ${then}. ${everybody}.`;
  return `All of ${name} becomes what it was ${then}. ${everybody}.`;
}

/** The verb on the button. */
export function restoreVerb({ document, record, field }: Asked): string {
  if (field) return `Put back the ${fieldWords(field.name)}`;
  if (record)
    return record.change === 'added'
      ? 'Take it out'
      : record.change === 'removed'
        ? 'Bring it back'
        : 'Put it back';
  return document === 'canvas' ? 'Restore the canvas' : 'Restore it';
}

/** "This shot is locked by Ana. An admin or the owner of this project can unlock it." */
function refusedWords({ message, lift, rule }: Refused): string {
  const why = `${message.trim().replace(/[.\s]+$/, '')}.`;
  return lift ? `${why} ${capital(lift)} can ${rule.endsWith('_lock') ? 'unlock it' : 'help'}.` : why;
}

/** One line of what was refused, for a list of it. */
export function refusedLine(refused: Refused): { title: string; why: string } {
  return { title: refused.title || 'One of them', why: refusedWords(refused) };
}
