import { describe, expect, it } from 'vitest';
import type { PipelineParam } from '$lib/api';
import { hexColour, withColour, withoutColour } from './palette';
import { choiceLabel } from '$lib/project/generating';
import { common, sharedParams, settingsOf, stepOf, valueOf } from './params';
import { factsOf, furtherFiles, lengthWords, sizeWords } from './recipe';

function param(name: string, fields: Partial<PipelineParam> = {}): PipelineParam {
  return {
    name,
    type: 'float',
    default: 35,
    label: name,
    help: '',
    minimum: 12,
    maximum: 300,
    choices: [],
    unit: '',
    ...fields
  };
}

describe('a parameter', () => {
  it('has its default until the shot says something of the right kind', () => {
    expect(valueOf(param('lens_mm'), {})).toBe(35);
    expect(valueOf(param('lens_mm'), { lens_mm: 50 })).toBe(50);
    expect(valueOf(param('lens_mm'), { lens_mm: 'wide' })).toBe(35);
  });

  it('does not show a choice that the pipeline no longer has', () => {
    const light = param('lighting', { type: 'enum', default: 'rembrandt', choices: ['rembrandt'] });
    expect(valueOf(light, { lighting: 'disco' })).toBe('rembrandt');
  });

  it('is shared when all pipelines know it under one kind', () => {
    const lists = [
      [param('lens_mm'), param('grain')],
      [param('lens_mm'), param('grain', { type: 'integer' })]
    ];
    expect(sharedParams(lists).map(({ name }) => name)).toEqual(['lens_mm']);
    expect(sharedParams([])).toEqual([]);
  });

  it('steps by what suits its range', () => {
    expect(stepOf(param('lens_mm'))).toBe(1);
    expect(stepOf(param('t_stop', { minimum: 1, maximum: 22 }))).toBe(0.1);
    expect(stepOf(param('grain', { minimum: 0, maximum: 1 }))).toBe(0.05);
  });

  it('is mixed when shots differ', () => {
    expect(common([35, 35])).toBe(35);
    expect(common([35, 50])).toBeUndefined();
  });

  it('of a take is written in the words of the pipeline, in its order', () => {
    const made: [string, unknown][] = [
      ['gone_by_now', 'neon-night'],
      ['slate', true],
      ['lens_mm', 35]
    ];
    const params = [param('lens_mm', { label: 'Lens', unit: 'mm' }), param('slate', { label: 'Slate' })];
    expect(settingsOf(made, params)).toEqual([
      { label: 'Lens', value: '35 mm', isNumber: true },
      { label: 'Slate', value: 'On', isNumber: false },
      { label: 'Gone by now', value: 'Neon night', isNumber: false }
    ]);
  });

  it('writes choices as words', () => {
    expect(choiceLabel('neon-night')).toBe('Neon night');
    expect(choiceLabel('t_stop')).toBe('T stop');
  });
});

describe('a palette', () => {
  it('reads colours as people write them', () => {
    expect(hexColour('#0B0F14')).toBe('#0b0f14');
    expect(hexColour(' abc ')).toBe('#aabbcc');
    expect(hexColour('amber')).toBe('');
    expect(hexColour('#12345')).toBe('');
  });

  it('changes one colour at a time', () => {
    expect(withColour(['#000000', '#111111'], 1, '#ffffff')).toEqual(['#000000', '#ffffff']);
    expect(withoutColour(['#000000', '#111111'], 0)).toEqual(['#111111']);
  });
});

describe('a recipe', () => {
  it('is read into facts', () => {
    const facts = factsOf({
      pipeline: 'previz-image',
      pipeline_version: '1.0.0',
      tier: 'standard',
      width: 1024,
      height: 436,
      seed: 42,
      prompt: { direct: 'Steam', aesthetic: 'noir' },
      parameters: { lens_mm: 35 }
    });
    expect(facts).toMatchObject({
      prompt: 'Steam',
      pipeline: 'previz-image 1.0.0',
      seed: 42,
      size: '1024 × 436'
    });
    expect(facts.parameters).toEqual([['lens_mm', 35]]);
  });

  it('of an unknown shape gives nothing rather than an error', () => {
    expect(factsOf({ prompt: null, parameters: 'none', seed: '42' })).toEqual({
      prompt: '',
      negative: '',
      pipeline: '',
      tier: '',
      seed: null,
      size: '',
      parameters: []
    });
  });
});

describe('the files beside a take', () => {
  const blob = 'ab'.repeat(32);

  it('are downloaded under their own names', () => {
    expect(furtherFiles('p1', { seed: '7', 'also:cuts-1.edl': `${blob} text/plain` })).toEqual([
      {
        name: 'cuts-1.edl',
        mediaType: 'text/plain',
        url: `/api/projects/p1/media/${blob}?download=cuts-1.edl`
      }
    ]);
  });

  it.each([
    ['no hash', 'also:a.json', 'application/json'],
    ['a hash that is too short', 'also:a.json', 'abcd application/json'],
    ['no kind', 'also:a.json', blob],
    ['a path for a name', 'also:../a.json', `${blob} application/json`],
    ['no name', 'also:', `${blob} application/json`],
    ['nothing but a suffix', 'also:json', `${blob} application/json`],
    ['something that is no text', 'also:a.json', 7]
  ])('are left out with %s', (_case, fact, value) => {
    expect(furtherFiles('p1', { [fact]: value })).toEqual([]);
  });

  it('are at most two dozen, and none where a take has no facts', () => {
    const many = Array.from({ length: 40 }, (_, at) => [`also:${at}.json`, `${blob} application/json`]);
    expect(furtherFiles('p1', Object.fromEntries(many))).toHaveLength(24);
    expect(furtherFiles('p1', undefined)).toEqual([]);
  });
});

describe('how large and how long a take is', () => {
  it('is told of a picture by its pixels', () => {
    expect(sizeWords({ width: 1024, height: 436, size_bytes: 48_000 })).toBe('1024 × 436, 48 KB');
    expect(lengthWords({ media_type: 'image/png' })).toBe('');
  });

  it('is told of a film by its frames, rate and seconds, as far as they are known', () => {
    const film = { media_type: 'video/mp4', frames: 48, rate: '24/1' };
    expect(lengthWords(film)).toBe('48 frames at 24 fps, 2 s');
    expect(lengthWords({ ...film, rate: '30000/1001' })).toBe('48 frames at 29.97 fps, 1.6 s');
    expect(lengthWords({ ...film, rate: '24/0' })).toBe('48 frames');
    expect(lengthWords({ media_type: 'video/mp4' })).toBe('');
  });

  it('is told of a sound by its seconds', () => {
    expect(sizeWords({ width: 0, height: 0, size_bytes: 156_000 })).toBe('156 KB');
    expect(lengthWords({ media_type: 'audio/wav', frames: 70_560, rate: '22050/1' })).toBe('3.2 s');
  });
});
