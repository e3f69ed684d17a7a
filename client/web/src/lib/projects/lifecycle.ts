// What becomes of whole projects: to the trash and back, copies, bundles that go to another studio and come from one.
import { transfer } from '$lib/files/transfer';
import { get, projectPath, send } from '$lib/rest';

/** A project of mine in the trash; those of others are not listed. */
export interface Trashed {
  id: string;
  name: string;
  /** When it was moved there; empty when somebody moved its folder by hand. */
  trashed_at: string;
  by: { id: string; name: string };
}

export const lifecycle = {
  toTrash: (id: string) => send<unknown>('DELETE', projectPath(id)),
  trash: () => get<Trashed[]>('/api/trash'),
  restore: (id: string) => send<unknown>('POST', `/api/trash/${encodeURIComponent(id)}/restore`),
  /** The title says that it is meant. */
  deleteForEver: (id: string, title: string) =>
    send<unknown>('DELETE', `/api/trash/${encodeURIComponent(id)}`, { title }),
  duplicate: (id: string, name: string, takes: boolean) =>
    send<{ id: string; name: string }>('POST', projectPath(id, 'duplicate'), { name, takes }),
  /** Where the browser downloads a project as one file. */
  bundleUrl: (id: string) => projectPath(id, 'bundle'),
  import: importFile
};

/** What became of an imported file. */
export interface Imported {
  id: string;
  name: string;
  /** Its documents were read from the files of the clone: there was no log of changes. */
  rebuilt: boolean;
  /** Large files that did not come along. */
  missing: readonly unknown[];
  /** What could not stand and was left out, in words. */
  problems: readonly string[];
}

/** Brings in a bundle, or an archive of a clone. `onProgress` hears 0 to 1, and 1 while the server unpacks. */
async function importFile(
  file: File,
  onProgress: (fraction: number) => void,
  signal: AbortSignal
): Promise<Imported> {
  const { text } = await transfer({
    method: 'POST',
    url: '/api/projects/import',
    body: file,
    headers: { 'Content-Type': 'application/octet-stream' },
    onProgress: (sent, total) => onProgress(total > 0 ? sent / total : 0),
    signal
  });
  return JSON.parse(text) as Imported;
}

/** What can be brought in: our own bundles, and archives of a clone. */
export const IMPORTABLE = ['.workprint', '.zip', '.tar', '.tar.gz', '.tgz'];

/** Why a file cannot be a project; empty when it may be one. */
export function whyNotImport(file: Pick<File, 'name' | 'size'>): string {
  const name = file.name.toLowerCase();
  if (!IMPORTABLE.some((suffix) => name.endsWith(suffix)))
    return `${file.name} is no project: choose a .workprint bundle, or a zip or tar of a clone.`;
  return file.size === 0 ? `${file.name} is empty.` : '';
}

/** "Night Train copy", "Night Train copy 2" where there is one already. */
export function copyName(name: string, taken: readonly string[]): string {
  const base = `${name.replace(/ copy( \d+)?$/, '')} copy`;
  const names = new Set(taken.map((other) => other.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? base : `${base} ${number}`;
    if (!names.has(candidate.toLowerCase())) return candidate;
  }
}
