import { describe, expect, it } from 'vitest';
import type { Attempt, FarmAbilities, FarmJob, FarmNodeShown, FarmQueue } from '$lib/schema/generated';
import { attemptsOf } from './attempts';
import { whyNotSteer } from './asking';
import {
  abilities,
  abilitySummary,
  blockedWords,
  gpuWords,
  heardOf,
  inabilities,
  jobTitle,
  placeWords,
  shortcomings,
  vramOf,
  whyQueueWaits
} from './words';

const NODE: FarmNodeShown = {
  name: 'node-1',
  host: 'render-7',
  version: '0.1.0',
  gpu: 'NVIDIA RTX 4090',
  vram_gb: 24,
  vram_free_gb: 14.75,
  queues: ['high'],
  state: 'ready',
  busy: false,
  job: '',
  started_at: '2026-11-20T10:00:00Z',
  seen_at: '2026-11-20T10:00:00Z',
  blocked: {},
  resident: []
};
const ABILITIES: FarmAbilities = {
  can: ['sdxl@standard', 'sdxl@low', 'previz-image@low'],
  lacks: { 'wan@high': 'needs 48 GB of GPU memory' }
};
const AT = Date.parse(NODE.seen_at);

describe('a farm node in words', () => {
  it('says how much of its GPU memory is taken', () => {
    expect(vramOf(NODE)).toMatchObject({ text: '9.3 of 24 GB', totalGb: 24 });
    expect(vramOf({ ...NODE, vram_gb: 0 })).toBeNull();
  });

  it('never shows more than all of it, whatever the driver reports', () => {
    expect(vramOf({ ...NODE, vram_free_gb: 30 })?.percent).toBe(0);
  });

  it('says where memory comes from that no card was found for', () => {
    expect([NODE, { ...NODE, gpu: '' }, { ...NODE, gpu: '', vram_gb: 0 }].map(gpuWords)).toEqual([
      'NVIDIA RTX 4090',
      'GPU memory as set',
      'No GPU'
    ]);
  });

  it('says what it gets no more of, and until when', () => {
    expect(blockedWords({})).toBe('');
    const blocked = { sdxl: '2026-11-20T10:30:00', flux: '2026-11-20T10:05:00' };
    expect(blockedWords(blocked)).toBe('flux, sdxl failed here too often: none of it until 10:30');
  });

  it('is silent when it was not heard of for a while', () => {
    expect(heardOf(NODE, AT + 4000)).toEqual({ text: 'heard 4 s ago', isSilent: false });
    expect(heardOf(NODE, AT + 40_000).isSilent).toBe(true);
    expect(heardOf({ seen_at: '' }, AT).isSilent).toBe(true);
  });

  it('tells its abilities by pipeline, with what is missing for the rest', () => {
    expect(abilities(ABILITIES.can)).toEqual([
      { pipeline: 'previz-image', tiers: ['low'], missing: '' },
      { pipeline: 'sdxl', tiers: ['standard', 'low'], missing: '' }
    ]);
    expect(inabilities(ABILITIES.lacks)).toEqual([
      { pipeline: 'wan', tiers: ['high'], missing: 'needs 48 GB of GPU memory' }
    ]);
    const docker = { 'a@low': 'No Docker', 'b@low': 'No GPU', 'c@high': 'No Docker' };
    expect(shortcomings(docker).map(({ missing, of }) => [missing, of.length])).toEqual([
      ['No Docker', 2],
      ['No GPU', 1]
    ]);
    expect(abilitySummary(ABILITIES)).toBe('Can run 2 of 3 pipelines');
    expect(abilitySummary({ can: [], lacks: {} })).toBe('Can run 0 pipelines');
  });
});

describe('a job in words', () => {
  it('of a project that somebody is not in, tells nothing of it', () => {
    expect(jobTitle({ project: null, title: '' })).toBe('Work of a project that you cannot see');
    expect(jobTitle({ project: { id: 'p', name: 'P' }, title: 'Opening' })).toBe('Opening');
  });

  it('says its place in line', () => {
    expect(placeWords(0)).toBe('Next in line');
    expect(placeWords(1)).toBe('1 job before it');
  });
});

describe('attempts', () => {
  const failed: Attempt = {
    id: 'a1',
    fence: 1,
    tier: 'low',
    farm_node: 'node-1',
    started_at: '2026-11-20T10:00:00Z',
    ended_at: '2026-11-20T10:00:08Z',
    outcome: 'failed',
    exit: 'oom',
    reason: 'It needs 14 GB.',
    seconds: 7.5,
    cost_usd: 0,
    set_aside: []
  };

  it('come newest first, with number, tier, reason and the files that were set aside', () => {
    const late: Attempt = { ...failed, id: 'a2', exit: 'late', tier: 'standard', set_aside: ['b'] };
    const [newest, oldest] = attemptsOf([failed, late], 'low', AT);
    expect(newest).toMatchObject({ number: 2, how: 'Came too late', tier: 'standard', setAside: ['b'] });
    expect(oldest).toMatchObject({ number: 1, how: 'Ran out of GPU memory', reason: 'It needs 14 GB.' });
  });

  it('count the seconds while they run', () => {
    const running: Attempt = { ...failed, ended_at: '', outcome: '', exit: '', seconds: 0 };
    expect(attemptsOf([running], 'low', AT + 3000)[0]).toMatchObject({
      seconds: 3,
      ended: false,
      how: 'Running'
    });
  });
});

it('lets admins of the workspace steer the farm, and tells everybody else who can', () => {
  expect(whyNotSteer('admin')).toBe('');
  expect(whyNotSteer('owner')).toBe('');
  expect(whyNotSteer('editor')).toMatch(/Only an admin/);
  expect(whyNotSteer(null)).toMatch(/Only an admin/);
});

describe('a queue that stands still', () => {
  const JOB = { pipeline: 'sdxl' } as FarmJob;
  const QUEUE: FarmQueue = { queue: 'high', waiting: 1, jobs: [JOB] };

  it('says so where no node serves it, or none takes work', () => {
    expect(whyQueueWaits(QUEUE, [{ ...NODE, queues: ['low'] }])).toMatch(/^No connected node serves/);
    expect(whyQueueWaits(QUEUE, [{ ...NODE, state: 'paused' }])).toMatch(/paused or draining/);
  });

  it('says so where every node has failed with its pipeline too often', () => {
    const failing = { ...NODE, blocked: { sdxl: '2026-11-20T10:30:00Z' } };
    expect(whyQueueWaits(QUEUE, [failing])).toMatch(/failed with sdxl too often/);
    expect(whyQueueWaits(QUEUE, [failing, NODE])).toBe('');
  });

  it('says nothing where it moves on', () => {
    expect(whyQueueWaits(QUEUE, [NODE])).toBe('');
  });
});
