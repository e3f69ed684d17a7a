// Turns what is known about the socket into the one thing the badge says. Pure, so that every case can be tested.
import type { Connection } from '../project/types';
import { CLOSE_CODES } from '../schema/generated';

export type Facts = {
  /** What the browser says of the network. */
  browserOnline: boolean;
  /** A socket is open and both sides have exchanged their state on it. */
  live: boolean;
  /** A socket is open but the server has been silent for too long. */
  stalled: boolean;
  /** No attempt to connect has failed or been lost yet. */
  first: boolean;
  /** The server lets us write to the canvas. */
  mayWrite: boolean;
  /** The server would not take one of our changes. */
  changeRefused: boolean;
  /** The server has confirmed, on this socket, the whole of what we had when it opened. */
  settled: boolean;
  unsynced: number;
  /** The server cannot write its disk: it shows our edits to everybody, but does not confirm them. */
  diskFails: boolean;
  /** Whether what is not synced would survive closing the page. */
  keptLocally: boolean;
  /** Why the server sent us away although we may come back, in words; empty when it did not. */
  pause: string;
  /** Why the server does not want us back, in words; empty when it does. */
  refusal: string;
  /** Why the local copy cannot be joined with the server's, in words. */
  failure: string;
};

export function describe(facts: Facts): Connection {
  const { unsynced } = facts;
  if (facts.failure) return { kind: 'failed', unsynced, message: facts.failure };
  if (facts.refusal) return { kind: 'refused', unsynced, message: facts.refusal };
  if (!facts.browserOnline || facts.stalled) return offline(facts);
  if (!facts.live) {
    if (!facts.first) return offline(facts);
    return { kind: 'connecting', unsynced, message: 'Connecting to the server.' };
  }
  if (!facts.mayWrite || facts.changeRefused) return readonly(facts);
  if (facts.diskFails) return stuck(facts);
  if (unsynced > 0) return { kind: 'saving', unsynced, message: `Saving ${edits(unsynced)}.` };
  if (!facts.settled) return { kind: 'saving', unsynced, message: 'Making sure that everything is saved.' };
  return { kind: 'saved', unsynced, message: 'Everything is saved on the server.' };
}

/** Whether to come back after the server closed the socket with that code; 4400 to 4499 means no. */
export function mayRetry(code: number): boolean {
  return code < 4400 || code >= 4500;
}

export function refusalFor(code: number, reason: string): string {
  switch (code) {
    case CLOSE_CODES.UNAUTHORISED:
      return 'Your session has ended. Sign in again to go on; your edits are kept in this browser.';
    case CLOSE_CODES.FORBIDDEN:
      return `${sentence(reason) || 'You have no access to this project any more.'} An admin or the owner of the project can help.`;
    case CLOSE_CODES.NO_SUCH_DOCUMENT:
      return 'This project is no longer on the server.';
    case CLOSE_CODES.OTHER_EPOCH:
      return 'This project was begun anew on the server. Reload the page; what only your copy holds is kept in this browser.';
    case CLOSE_CODES.TOO_LARGE:
      return (
        `The server does not take your last change: ${sentence(reason) || 'it is too large.'} It is kept in this ` +
        'browser. Ask whoever runs the server to raise the limit, then reload the page.'
      );
    case CLOSE_CODES.TOO_FREQUENT:
      return 'This page sent more than the server takes. Your edits are kept in this browser; wait a moment, then reload the page.';
    case CLOSE_CODES.BAD_MESSAGE:
      return `The server could not read what this page sent: ${sentence(reason) || 'it did not say why.'} Reload the page; your edits are kept in this browser.`;
    default:
      return `The server ended the connection: ${reason || `code ${code}`}. Reload the page to try again.`;
  }
}

/** Why the server sent us away for now; `before` is what it said last, which a connection lost without a word leaves. */
export function pauseFor(code: number, reason: string, before: string): string {
  switch (code) {
    case CLOSE_CODES.GOING_AWAY:
      return 'The server is being stopped or restarted.';
    case CLOSE_CODES.TRY_AGAIN_LATER:
      return `The server has no place for this page right now: ${sentence(reason) || 'it did not say why.'} It is asked again every few seconds.`;
    default:
      return before;
  }
}

/** A reason as the server gives it, ended like a sentence, with sizes as people say them. */
function sentence(reason: string): string {
  const told = reason
    .trim()
    .replace(/(\d{6,}) bytes/g, (_, bytes: string) => `${Math.round(Number(bytes) / (1 << 20))} MB`);
  return told === '' || /[.!?]$/.test(told) ? told : `${told}.`;
}

function stuck({ unsynced, keptLocally }: Facts): Connection {
  const kept =
    keptLocally && unsynced > 0
      ? `; ${edits(unsynced)} ${unsynced === 1 ? 'is' : 'are'} kept in this browser too`
      : '';
  return {
    kind: 'stuck',
    unsynced,
    message: `The server cannot write its disk and keeps trying. Nothing is lost as long as this page stays open${kept}.`
  };
}

function offline(facts: Facts): Connection {
  const { unsynced, pause } = facts;
  // Without a network it is of no interest what the server said last.
  const [why, then] =
    pause && facts.browserOnline && !facts.stalled
      ? [pause, 'when you are connected again']
      : ['Offline.', 'when the server is back'];
  if (unsynced === 0) {
    return { kind: 'offline', unsynced, message: `${why} You can go on working; edits are sent ${then}.` };
  }
  const where = facts.keptLocally ? 'kept in this browser' : 'kept only while this page stays open';
  return {
    kind: 'offline',
    unsynced,
    message: `${why} ${edits(unsynced)} ${where}, to be sent ${then}.`
  };
}

function readonly(facts: Facts): Connection {
  const { unsynced } = facts;
  if (unsynced === 0)
    return { kind: 'readonly', unsynced, message: 'You can look at this project but not change it.' };
  return {
    kind: 'readonly',
    unsynced,
    message: `The server refused ${edits(unsynced)}, because you may only read. What you wrote is kept as a copy in this browser.`
  };
}

function edits(count: number): string {
  return count === 1 ? '1 edit' : `${count} edits`;
}
