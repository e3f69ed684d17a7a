import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync('src/lib/ui/tokens.css', 'utf8');
const normal = variables(css.slice(css.indexOf(':root {'), css.indexOf(":root[data-contrast='more']")));
const high = {
  ...normal,
  ...variables(css.slice(css.indexOf(":root[data-contrast='more']"), css.indexOf('@media')))
};

function variables(block: string): Record<string, string> {
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value])
  );
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe('surfaces', () => {
  it('are pure neutral, because pictures are judged on them', () => {
    for (const [name, value] of Object.entries(high)) {
      if (!/^(surface|well|line|text)/.test(name)) continue;
      expect([value.slice(1, 3), value.slice(3, 5), value.slice(5, 7)], name).toEqual(
        Array(3).fill(value.slice(1, 3))
      );
    }
  });
});

describe.each([
  ['normal', normal],
  ['high', high]
])('%s contrast', (_, tokens) => {
  const words = ['text-1', 'text-2', 'accent', 'queued', 'running', 'done', 'failed', 'locked'];
  const people = Array.from({ length: 8 }, (_, hue) => `hue-${hue}`);

  it.each([...words, ...people])('keeps --%s readable on every surface (AA)', (name) => {
    for (const surface of ['surface-0', 'surface-1', 'surface-2', 'surface-3']) {
      expect(contrast(tokens[name] as string, tokens[surface] as string), surface).toBeGreaterThanOrEqual(
        4.5
      );
    }
  });

  it('keeps what is written on colour readable', () => {
    expect(contrast(tokens['accent-ink'] as string, tokens.accent as string)).toBeGreaterThanOrEqual(4.5);
    for (const hue of people) {
      expect(contrast(tokens['hue-ink'] as string, tokens[hue] as string), hue).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('keeps placeholders readable in fields', () => {
    expect(
      contrast(tokens['text-placeholder'] as string, tokens['surface-sunken'] as string)
    ).toBeGreaterThan(4.5);
  });
});

it('gives those whose system asks for contrast the same values as those who choose it', () => {
  const bySystem = variables(
    css.slice(css.indexOf('@media (prefers-contrast'), css.indexOf('@media (prefers-reduced'))
  );
  const byChoice = variables(css.slice(css.indexOf(":root[data-contrast='more']"), css.indexOf('@media')));
  expect(bySystem).toEqual(byChoice);
});
