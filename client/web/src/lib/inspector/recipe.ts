// Reads what a take was made from and is; all of it is plain data from the server and may be of another version.
import { mediaUrl } from '$lib/api';
import type { Media } from '$lib/schema/generated';
import { bytes, duration } from '$lib/ui/format';

export interface RecipeFacts {
  prompt: string;
  negative: string;
  pipeline: string;
  tier: string;
  seed: number | null;
  size: string;
  parameters: [name: string, value: unknown][];
}

/** A further file of a take, e.g. its list of cuts, kept under its hash. */
export type FurtherFile = { name: string; mediaType: string; url: string };

const MOST_FURTHER = 24;

export function factsOf(recipe: Record<string, unknown>): RecipeFacts {
  const prompt = recipe.prompt;
  const direct = typeof prompt === 'string' ? prompt : text(record(prompt).direct);
  const version = text(recipe.pipeline_version);
  const width = recipe.width;
  const height = recipe.height;
  return {
    prompt: direct,
    negative: text(recipe.negative_prompt),
    pipeline: [text(recipe.pipeline), version].filter(Boolean).join(' '),
    tier: text(recipe.tier),
    seed: typeof recipe.seed === 'number' ? recipe.seed : null,
    size: typeof width === 'number' && typeof height === 'number' ? `${width} × ${height}` : '',
    parameters: Object.entries(record(recipe.parameters))
  };
}

/** The files that were made beside a take, from its facts: `also:cuts.edl` -> `<sha256> <media type>`. */
export function furtherFiles(projectId: string, facts: unknown): FurtherFile[] {
  return Object.entries(record(facts))
    .sort()
    .flatMap(([fact, value]) => {
      const name = /^also:((?=.{3,80}$)[\w-]+(?:\.[\w-]+)+)$/.exec(fact)?.[1];
      const [, blob, mediaType] = /^([0-9a-f]{64}) (\S+\/\S+)$/.exec(text(value)) ?? [];
      if (!name || !blob || !mediaType) return [];
      return { name, mediaType, url: `${mediaUrl(projectId, blob)}?download=${encodeURIComponent(name)}` };
    })
    .slice(0, MOST_FURTHER);
}

/** "1024 × 436, 1.2 MB"; a sound or a text has no width. */
export function sizeWords(media: Pick<Media, 'width' | 'height' | 'size_bytes'>): string {
  const size = bytes(media.size_bytes);
  return media.width > 0 && media.height > 0 ? `${media.width} × ${media.height}, ${size}` : size;
}

/** "48 frames at 24 fps, 2 s" of a film, "3.2 s" of a sound; empty for what has no length. */
export function lengthWords(media: Pick<Media, 'media_type' | 'frames' | 'rate'>): string {
  const { frames } = media;
  const rate = ratio(media.rate);
  const kind = media.media_type.split('/')[0];
  if (!frames || (kind !== 'video' && kind !== 'audio')) return '';
  const lasts = rate ? duration(frames / rate) : '';
  if (kind === 'audio') return lasts;
  const shown = frames === 1 ? '1 frame' : `${frames} frames`;
  return rate ? `${shown} at ${Number(rate.toFixed(2))} fps, ${lasts}` : shown;
}

/** "30000/1001" to 29.97; undefined for what is no rate. */
function ratio(text: string | undefined): number | undefined {
  const [above, below = 1] = (text ?? '').split('/').map(Number);
  const value = (above ?? NaN) / below;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
