import { describe, expect, it } from 'vitest';
import { countWords, readFountain } from './fountain';

function kinds(text: string): string[] {
  return readFountain(text.split('\n'));
}

describe('a screenplay', () => {
  it('knows headings, action, and who says what', () => {
    const text = [
      'Title: Night Train',
      'Author: Ana',
      '',
      'INT. LAUNDROMAT - NIGHT',
      '',
      'Rain on the glass.',
      '',
      'MARLOWE (V.O.)',
      '(tired)',
      'It never stops.',
      '',
      'CUT TO:',
      ''
    ].join('\n');
    expect(kinds(text)).toEqual([
      'title',
      'title',
      'empty',
      'scene',
      'empty',
      'action',
      'empty',
      'character',
      'parenthetical',
      'dialogue',
      'empty',
      'transition',
      'empty'
    ]);
  });

  it('takes capitals with nothing below them for action, not for a speaker', () => {
    expect(kinds('\nBANG\n\nSilence.')).toEqual(['empty', 'action', 'empty', 'action']);
  });

  it.each([
    ['.MONTAGE', 'scene'],
    ['...and then nothing', 'action'],
    ['@McCloud', 'character'],
    ['> FADE OUT', 'transition'],
    ['> THE END <', 'centred'],
    ['# Act one', 'section'],
    ['= She finds the note', 'synopsis'],
    ['!INT. is how he spells it', 'action'],
    ['i/e. CAR - DAY', 'scene']
  ])('reads “%s” as %s', (line, kind) => {
    expect(kinds(line)).toEqual([kind]);
  });
});

describe('the word count', () => {
  it('counts words, not marks', () => {
    expect(countWords('Don’t wake my sister-in-law - 3 times!')).toBe(6);
    expect(countWords('  \n')).toBe(0);
    expect(countWords('Ночной поезд')).toBe(2);
  });
});
