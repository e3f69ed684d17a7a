// Which of a project's files are shown.
import type { FileCategory } from './categories';
import type { StoredFile } from './rest';

/** Newest first; every word of the search must occur in the name. */
export function findFiles(
  files: readonly StoredFile[],
  category: FileCategory,
  search: string
): StoredFile[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return files
    .filter((file) => file.category === category)
    .filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
    .sort((a, b) => b.added_at.localeCompare(a.added_at) || a.name.localeCompare(b.name));
}

export function countByCategory(files: readonly StoredFile[]): Partial<Record<FileCategory, number>> {
  const counts: Partial<Record<FileCategory, number>> = {};
  for (const { category } of files) counts[category] = (counts[category] ?? 0) + 1;
  return counts;
}

export type Look = 'image' | 'video' | 'audio' | 'other';

/** How a browser can show it. */
export function lookOf(file: Pick<StoredFile, 'media_type' | 'proxy'>): Look {
  if (file.proxy) return 'video';
  const [main = ''] = file.media_type.split('/');
  return main === 'image' || main === 'video' || main === 'audio' ? main : 'other';
}
