import { describe, expect, it } from 'vitest';
import { readRefusal } from './refusal';

const BREACH = {
  id: 'p1',
  rule: 'shot_lock',
  path: ['nodes', 'shot-1', 'prompt'],
  message: 'This shot is locked by Ana.',
  lift: 'an admin or the owner of this project',
  title: 'Rooftop'
};

describe('a refusal', () => {
  it('says at which field, why, and who can lift it', () => {
    expect(readRefusal(JSON.stringify({ type: 'refused', document: 'canvas', breaches: [BREACH] }))).toEqual({
      document: 'canvas',
      breaches: [
        {
          id: 'p1',
          rule: 'shot_lock',
          root: 'nodes',
          record: 'shot-1',
          field: 'prompt',
          message: 'This shot is locked by Ana.',
          lift: 'an admin or the owner of this project',
          title: 'Rooftop'
        }
      ]
    });
  });

  it('of a whole record names no field', () => {
    const whole = { ...BREACH, path: ['nodes', 'shot-1'], title: undefined };
    const refusal = readRefusal(JSON.stringify({ type: 'refused', document: 'canvas', breaches: [whole] }));
    expect(refusal?.breaches[0]).toMatchObject({ record: 'shot-1', field: '', title: '' });
  });

  it.each(['', 'null', '7', '{"type":"other"}', '{"type":"refused"}', '{"type":"refused","breaches":7}'])(
    'is not what else may arrive: %s',
    (payload) => expect(readRefusal(payload)).toBeUndefined()
  );

  it('leaves out what cannot be read', () => {
    const message = { type: 'refused', document: 'canvas', breaches: [null, 7, {}, { id: 'x' }, BREACH] };
    expect(readRefusal(JSON.stringify(message))?.breaches).toHaveLength(1);
  });
});
