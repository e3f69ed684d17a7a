import { describe, expect, it } from 'vitest';
import type { PipelineInfo } from '../api';
import { findPipeline, grouped, plan, priceLabel, readiness, readRatio, type PlanInput } from './generating';

const PREVIZ: PipelineInfo = {
  id: 'previz-image',
  version: '1.0.0',
  label: 'Previz frame',
  summary: '',
  inputs: [],
  params: [],
  price_usd: 0.01,
  tiers: { standard: { available: true, needs: '', long_edge_px: 1024, seconds_prior: 3 } },
  licence: '',
  source: ''
};
const FLUX: PipelineInfo = {
  ...PREVIZ,
  id: 'flux',
  label: 'FLUX',
  tiers: { standard: { available: false, needs: 'a 24 GB GPU node', long_edge_px: 1024, seconds_prior: 9 } }
};
const READY: PlanInput = {
  pipelineName: 'previz-image:1.0.0',
  pipelines: [PREVIZ, FLUX],
  gates: [],
  tier: 'standard',
  forbidden: '',
  online: true,
  waits: false
};

describe('whether a shot can be generated', () => {
  it('says the price, and nothing against it, when all is well', () => {
    expect(plan(READY)).toMatchObject({ pipeline: PREVIZ, priceUsd: 0.01, blocked: '', note: '' });
  });

  it('goes on offline, saying that it will be asked later', () => {
    expect(plan({ ...READY, online: false })).toMatchObject({
      blocked: '',
      note: expect.stringContaining('online')
    });
  });

  const gate = {
    name: 'contract',
    holds: false,
    message: 'Complete Project Brief before generating',
    who_can_lift: ''
  };
  it.each<[string, Partial<PlanInput>, string]>([
    ['a gate that does not hold', { gates: [gate] }, 'Complete Project Brief before generating'],
    ['no pipeline', { pipelineName: undefined }, 'Join a Pipeline node'],
    ['a pipeline that is not installed', { pipelineName: 'sora' }, 'not installed'],
    ['a pipeline that cannot run here', { pipelineName: 'flux' }, 'a 24 GB GPU node'],
    ['a role that only reads', { forbidden: 'You are a viewer.' }, 'You are a viewer.']
  ])('names the reason: %s', (_case, change, words) => {
    expect(plan({ ...READY, ...change }).blocked).toContain(words);
  });

  it('waits for a node that can run it where the project waits, and for nothing that never can', () => {
    expect(plan({ ...READY, pipelineName: 'flux', waits: true }).blocked).toBe('');
    const never = { ...FLUX, unavailable: 'hands in words' };
    expect(plan({ ...READY, pipelineName: 'flux', pipelines: [never], waits: true }).blocked).toContain(
      'cannot run'
    );
  });

  it.each([
    ['2.39:1', 2.39],
    ['9:16', 9 / 16],
    ['', 16 / 9],
    ['16:0', 16 / 9]
  ])('reads the aspect ratio %j', (text, ratio) => expect(readRatio(text)).toBeCloseTo(ratio));
});

describe('the list of pipelines', () => {
  const LLM: PipelineInfo = {
    ...PREVIZ,
    id: 'llm',
    label: 'Outline',
    task: 'write',
    tiers: {},
    unavailable: 'hands in words'
  };
  const CLIP: PipelineInfo = {
    ...PREVIZ,
    id: 'clip',
    label: 'Clip',
    task: 'generate-video',
    price_unit: 'second'
  };

  it('is grouped by task, what can run here first', () => {
    const groups = grouped([LLM, FLUX, CLIP, PREVIZ], 'standard', '');
    expect(groups.map(({ task }) => task)).toEqual(['Generate image', 'Generate video', 'Write']);
    expect(groups[0]?.pipelines.map(({ id }) => id)).toEqual(['previz-image', 'flux']);
  });

  it('is searched by the words of name, purpose and task', () => {
    expect(grouped([LLM, CLIP, PREVIZ], 'standard', 'video').flatMap((group) => group.pipelines)).toEqual([
      CLIP
    ]);
    expect(grouped([LLM], 'standard', 'nothing like it')).toEqual([]);
  });

  it('says what is missing, what the nearest node lacks, and what a price is for', () => {
    expect(readiness(PREVIZ, 'standard', false)).toEqual({ state: 'ready', words: '', nearest: '' });
    expect(readiness(LLM, 'standard', false)).toEqual({
      state: 'refused',
      words: 'It hands in words.',
      nearest: ''
    });
    expect(readiness(FLUX, 'standard', false)).toEqual({
      state: 'refused',
      words: 'Needs a 24 GB GPU node.',
      nearest: ''
    });
    const tiers = {
      standard: { available: false, needs: 'a GPU', lacks: 'n1: no image', long_edge_px: 1, seconds_prior: 1 }
    };
    expect(readiness({ ...FLUX, tiers }, 'standard', false)).toEqual({
      state: 'refused',
      words: 'Needs a GPU.',
      nearest: 'Nearest: n1: no image'
    });
    expect([priceLabel(PREVIZ), priceLabel(CLIP), priceLabel(LLM)]).toEqual(['$0.01', '$0.01 / s', '']);
    expect(plan({ ...READY, pipelineName: 'llm', pipelines: [LLM] }).blocked).toBe(
      'Outline cannot run: it hands in words.'
    );
  });

  it('says what one waits for where the project waits, and refuses only what never can run', () => {
    expect(readiness(PREVIZ, 'standard', true).state).toBe('ready');
    expect(readiness(LLM, 'standard', true)).toEqual({
      state: 'refused',
      words: 'It hands in words.',
      nearest: ''
    });
    expect(readiness(FLUX, 'standard', true)).toEqual({
      state: 'waits',
      words: 'Waits for a 24 GB GPU node; none is connected.',
      nearest: ''
    });
    const tiers = {
      standard: {
        available: false,
        needs: 'the extra `video`',
        lacks: 'n1: Install it.',
        long_edge_px: 1,
        seconds_prior: 1
      }
    };
    expect(readiness({ ...FLUX, tiers }, 'standard', true)).toEqual({
      state: 'waits',
      words: 'Waits for a node with the extra `video`; none is connected.',
      nearest: 'Nearest: n1: Install it.'
    });
  });

  it('is looked up by UUID too', () => {
    const uuid = '5b0c2f6e-6a0f-4f0e-9a51-2f8c1d7e4b10';
    expect(findPipeline([{ ...PREVIZ, uuid }], uuid)?.id).toBe('previz-image');
  });
});
