import { describe, expect, it } from 'vitest';
import { found, Lines, stamped } from './log-lines';

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

it('shows the time of day of a line, and leaves a line without one as it is', () => {
  const stamp = new Date(2026, 10, 20, 9, 5, 7, 15).toISOString();
  expect(stamped(`${stamp}  25 % Step 2`)).toEqual({ time: '09:05:07.015', words: ' 25 % Step 2' });
  expect(stamped('Traceback')).toEqual({ time: '', words: 'Traceback' });
});
