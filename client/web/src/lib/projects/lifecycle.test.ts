import { describe, expect, it } from 'vitest';
import { copyName, whyNotImport } from './lifecycle';

describe('the name of a copy', () => {
  it('is free, and does not grow with every copy of a copy', () => {
    expect(copyName('Night Train', ['Night Train'])).toBe('Night Train copy');
    expect(copyName('Night Train', ['night train COPY'])).toBe('Night Train copy 2');
    expect(copyName('Night Train copy', ['Night Train copy', 'Night Train copy 2'])).toBe(
      'Night Train copy 3'
    );
  });
});

describe('what may be imported', () => {
  it.each(['Film.workprint', 'clone.ZIP', 'clone.tar.gz', 'clone.tgz'])('takes %s', (name) => {
    expect(whyNotImport({ name, size: 10 })).toBe('');
  });

  it('says what is wrong with anything else', () => {
    expect(whyNotImport({ name: 'still.png', size: 10 })).toContain('.workprint bundle');
    expect(whyNotImport({ name: 'Film.workprint', size: 0 })).toContain('is empty');
  });
});
