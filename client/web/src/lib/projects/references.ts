// Which dropped files may become reference images.

export const REFERENCE_TYPES = ['image/png', 'image/jpeg', 'image/webp'];
export const LARGEST_REFERENCE_BYTES = 20_000_000;

export interface Sorted {
  accepted: File[];
  /** A sentence for each file that was left out. */
  refused: string[];
}

/** Takes images of a size a browser and a server can bear; a file that is already there is not taken twice. */
export function sortReferences(offered: Iterable<File>, present: readonly File[] = []): Sorted {
  const sorted: Sorted = { accepted: [], refused: [] };
  const known = new Set(present.map(identity));
  for (const file of offered) {
    if (!REFERENCE_TYPES.includes(file.type))
      sorted.refused.push(`${file.name} is not a PNG, JPEG or WebP image`);
    else if (file.size > LARGEST_REFERENCE_BYTES) sorted.refused.push(`${file.name} is larger than 20 MB`);
    else if (!known.has(identity(file))) {
      known.add(identity(file));
      sorted.accepted.push(file);
    }
  }
  return sorted;
}

function identity(file: File): string {
  return `${file.name}/${file.size}/${file.lastModified}`;
}
