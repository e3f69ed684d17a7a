import { describe, expect, it } from 'vitest';
import { cloneCommand, folderName } from './repository';

describe('the clone command', () => {
  it('can be pasted into any shell', () => {
    expect(cloneCommand('https://studio.example', 'p1', 'Night Train: Part 2')).toBe(
      'git clone https://studio.example/git/p1.git Night-Train-Part-2'
    );
    expect(folderName('$(rm -rf ~); "Film"')).toBe('rm-rf-Film');
    expect(folderName('夜行列車')).toBe('夜行列車');
    expect(folderName('--')).toBe('project');
  });
});
