import { describe, expect, it } from 'vitest';
import { MAX_SWATCHES, moved, readPalette, removed, replaced } from './palette';

const RGB = ['#ff0000', '#00ff00', '#0000ff'];

describe('a palette', () => {
  it('is reordered, changed and shortened without touching the original', () => {
    expect(moved(RGB, 0, 2)).toEqual(['#00ff00', '#0000ff', '#ff0000']);
    expect(moved(RGB, 0, -1)).toEqual(RGB);
    expect(moved(RGB, 2, 99)).toEqual(RGB);
    expect(replaced(RGB, 1, '#ABCDEF')).toEqual(['#ff0000', '#abcdef', '#0000ff']);
    expect(removed(RGB, 1)).toEqual(['#ff0000', '#0000ff']);
    expect(RGB).toHaveLength(3);
  });

  it('is read from a document that may hold anything', () => {
    expect(readPalette('red')).toEqual([]);
    expect(readPalette(['red', '#12345', 7, '#abcdef'])).toEqual(['#abcdef']);
    expect(readPalette(Array(99).fill('#000000'))).toHaveLength(MAX_SWATCHES);
  });
});
