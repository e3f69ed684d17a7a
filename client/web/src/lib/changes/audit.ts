// An entry of the audit log as a sentence: who did (this) to (that), and what more there is to know.
import type { Role } from '$lib/schema/generated';
import { roleLabel } from '$lib/shell/roles';
import type { AuditEntry } from './rest';

export interface Sentence {
  /** "changed the role of", "locked the shot". */
  did: string;
  /** Whom or what it was done to; "" when `did` says it all. */
  what: string;
  /** "from viewer to editor"; "" when there is nothing more. */
  more: string;
}

/** The names behind ids, as far as they are known. */
export type Names = (id: string) => string | undefined;

type Tell = (entry: AuditEntry, name: string) => Sentence;

const lockable: Record<string, string> = {
  shot: 'the shot',
  style: 'the style',
  picture: 'the picture of',
  contract: 'the brief'
};

const TELLS: Record<string, Tell> = {
  lock: (entry) => ({ did: `locked ${kindOf(entry)}`, what: entry.detail, more: '' }),
  unlock: (entry) => ({ did: `unlocked ${kindOf(entry)}`, what: entry.detail, more: '' }),
  contract_change: ({ detail }) => ({ did: 'changed the locked brief', what: '', more: detail }),
  role_change: ({ detail }, name) => {
    const [before = '', after = ''] = detail.split(' -> ');
    const more = after ? `from ${lower(before)} to ${lower(after)}` : lower(detail);
    return { did: 'changed the role of', what: name, more };
  },
  member_added: ({ detail }, name) => ({ did: 'added', what: name, more: detail && `as ${lower(detail)}` }),
  member_removed: ({ detail, by, target }, name) => {
    const more = detail && `(${lower(detail)})`;
    return by.id === target ? { did: 'left', what: '', more: '' } : { did: 'removed', what: name, more };
  },
  ownership_transferred: (_, name) => ({ did: 'gave the project to', what: name, more: '' }),
  share_created: ({ reason, detail }) => ({ did: 'made a guest link for', what: reason, more: detail }),
  share_revoked: (_, name) => ({ did: 'revoked a guest link', what: name, more: '' }),
  token_created: ({ detail }) => ({ did: 'made an access token', what: '', more: detail }),
  token_revoked: ({ detail }) => ({ did: 'revoked an access token', what: '', more: detail }),
  remote_change: ({ detail }) => ({ did: 'set where the project is pushed:', what: '', more: detail }),
  farm_change: ({ target, detail }) => ({ did: 'changed the farm:', what: target, more: detail }),
  access_change: ({ detail }) => ({
    did: `opened the project to ${detail === 'members' ? 'members only' : 'everybody in the workspace'}`,
    what: '',
    more: ''
  })
};

/** Ids of accounts and guests: nobody should have to read them. */
const PERSON = /^(user|guest)-/;
const LEFT = 'somebody who left';

export function sentenceOf(entry: AuditEntry, names: Names): Sentence {
  const known = names(entry.target) ?? entry.target_name;
  const tell = TELLS[entry.action];
  if (tell) return tell(entry, entry.action === 'share_revoked' ? known : known || LEFT);
  return {
    did: entry.action.replaceAll('_', ' '),
    what: known || (PERSON.test(entry.target) ? LEFT : entry.target),
    more: entry.detail
  };
}

/** Why it was done, as the person gave it; the label of a link is told elsewhere. */
export function reasonOf({ action, reason }: AuditEntry): string {
  return action === 'share_created' ? '' : reason;
}

/** "the shot" of a target "shot:s1". */
function kindOf({ target }: AuditEntry): string {
  const kind = target.split(':', 1)[0] ?? '';
  return lockable[kind] ?? kind;
}

function lower(role: string): string {
  return roleLabel(role as Role).toLowerCase();
}
