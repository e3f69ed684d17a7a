import { describe, expect, it } from 'vitest';
import { found, Lines } from './log.svelte';

describe('a log that comes in pieces', () => {
  it('is cut into whole lines, wherever the pieces end', () => {
    const lines = new Lines();
    expect(lines.take('load mo')).toEqual([]);
    expect(lines.take('del\nstep 1\r\nst')).toEqual(['load model', 'step 1']);
    expect(lines.take('ep 2\n')).toEqual(['step 2']);
    expect(lines.end()).toEqual([]);
  });

  it('keeps a last line without an end', () => {
    const lines = new Lines();
    lines.take('killed');
    expect(lines.end()).toEqual(['killed']);
  });
});

it('is searched whatever the case, and not for nothing', () => {
  expect(found(['CUDA out of memory', 'ok', 'cuda'], 'Cuda')).toEqual([0, 2]);
  expect(found(['a'], '  ')).toEqual([]);
});
