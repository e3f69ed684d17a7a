// Finding a project among many.
import type { ProjectCard } from '$lib/api';

/** From this many projects on, the page offers a search. */
export const LARGE_GALLERY = 9;

/** Newest change first; every word of the search must occur in the name or the description. */
export function matching(projects: readonly ProjectCard[], search: string): ProjectCard[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return projects
    .filter((project) => {
      const text = `${project.name} ${project.description}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => b.updated.localeCompare(a.updated));
}
