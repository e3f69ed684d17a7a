// Reads what a take was made from; a recipe is plain data from the server and may be of another version.

export interface RecipeFacts {
  prompt: string;
  negative: string;
  pipeline: string;
  tier: string;
  seed: number | null;
  size: string;
  parameters: [name: string, value: unknown][];
}

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

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function record(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
