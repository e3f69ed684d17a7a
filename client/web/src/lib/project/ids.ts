// Ids in the one alphabet that URLs, Redis keys, RQ jobs and paths share.

/** A fresh id with 96 random bits; `prefix` names the kind for human eyes (`shot-…`). */
export function newId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `${prefix}-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
