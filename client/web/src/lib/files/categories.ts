// The kinds of files a project keeps beside what it generates, in the order people look for them.
import type { Choice } from '$lib/ui/choice';

export type FileCategory = 'source_media' | 'ai_models' | 'characters' | 'locations' | 'music' | 'styles';

export const CATEGORIES: readonly Choice<FileCategory>[] = [
  { value: 'source_media', label: 'Source media' },
  { value: 'characters', label: 'Characters' },
  { value: 'locations', label: 'Locations' },
  { value: 'music', label: 'Music' },
  { value: 'styles', label: 'Styles' },
  { value: 'ai_models', label: 'AI models' }
];

/** What an empty category is for, with the next step. */
export const TEACHES: Record<FileCategory, string> = {
  source_media: 'Camera originals, plates and recordings. Drop files here to keep them with the project.',
  characters: 'Pictures of the people in the film. Drop some here, so that everybody casts the same faces.',
  locations: 'Pictures of the places. Drop some here, so that every shot is in the same room.',
  music: 'Score, songs and temp tracks. Drop audio files here.',
  styles: 'Look references and LUTs. Drop them here.',
  ai_models: 'Checkpoints and LoRAs of this project. Drop model files here; large ones resume by themselves.'
};

export function categoryLabel(category: string): string {
  return CATEGORIES.find((choice) => choice.value === category)?.label ?? category;
}
