// What the server says when it put edits of ours back: a stateless message, which anything may have sent.

/** One place where an edit was put back. */
export type Breach = {
  /** Of the proposal that keeps what was written. */
  id: string;
  rule: string;
  root: string;
  record: string;
  /** Empty when the record as a whole was put back. */
  field: string;
  message: string;
  /** Who can lift the rule, in words; empty when nobody can. */
  lift: string;
  /** What the record is called, if it has a name. */
  title: string;
};

export type Refusal = { document: string; breaches: Breach[] };

/** The refusal in a stateless message; undefined when it is about something else or cannot be read. */
export function readRefusal(payload: string): Refusal | undefined {
  try {
    const message = JSON.parse(payload) as { type?: unknown; document?: unknown; breaches?: unknown };
    if (message.type !== 'refused' || !Array.isArray(message.breaches)) return undefined;
    const breaches = message.breaches.map(readBreach).filter((breach) => breach !== undefined);
    return { document: text(message.document), breaches };
  } catch {
    return undefined;
  }
}

function readBreach(value: unknown): Breach | undefined {
  const { id, rule, path, message, lift, title } = (value ?? {}) as Record<string, unknown>;
  if (typeof id !== 'string' || !Array.isArray(path)) return undefined;
  const [root, record, field] = path as unknown[];
  return {
    id,
    rule: text(rule),
    root: text(root),
    record: text(record),
    field: text(field),
    message: text(message),
    lift: text(lift),
    title: text(title)
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
