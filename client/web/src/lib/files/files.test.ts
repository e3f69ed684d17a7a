import { describe, expect, it } from 'vitest';
import { countByCategory, findFiles, lookOf } from './find';
import type { StoredFile } from './rest';
import { whyNotSend } from './uploads.svelte';

function file(name: string, fields: Partial<StoredFile> = {}): StoredFile {
  return {
    id: name,
    name,
    category: 'characters',
    media_type: 'image/png',
    size_bytes: 1,
    url: '',
    thumbnail: null,
    proxy: null,
    added_at: '2026-01-01T00:00:00Z',
    ...fields
  };
}

describe('the files of a category', () => {
  const files = [
    file('marlowe front.png'),
    file('marlowe side.png', { added_at: '2026-02-01T00:00:00Z' }),
    file('rain.wav', { category: 'music' })
  ];

  it('come newest first, and only those whose name has every word', () => {
    expect(findFiles(files, 'characters', '').map(({ name }) => name)).toEqual([
      'marlowe side.png',
      'marlowe front.png'
    ]);
    expect(findFiles(files, 'characters', 'FRONT mar')).toHaveLength(1);
    expect(findFiles(files, 'characters', 'rain')).toHaveLength(0);
  });

  it('are counted for the list of categories', () => {
    expect(countByCategory(files)).toEqual({ characters: 2, music: 1 });
  });
});

it('a film that has a small copy is shown as a film, whatever its own type', () => {
  expect(lookOf({ media_type: 'application/mxf', proxy: '/proxy' })).toBe('video');
  expect(lookOf({ media_type: 'audio/wav', proxy: null })).toBe('audio');
  expect(lookOf({ media_type: 'model/safetensors', proxy: null })).toBe('other');
});

it('what cannot be sent is said before it is sent', () => {
  expect(whyNotSend({ name: 'plates', size: 0 })).toContain('or a folder');
  expect(whyNotSend({ name: '.DS_Store', size: 6148 })).toContain('hidden file');
  expect(whyNotSend({ name: 'rain.wav', size: 10 })).toBe('');
});
