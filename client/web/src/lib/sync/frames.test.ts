import * as encoding from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import { readFrame, whoIsThere } from './frames';

function frame(...parts: (string | number | Uint8Array)[]): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const part of parts) {
    if (typeof part === 'string') encoding.writeVarString(encoder, part);
    else if (typeof part === 'number') encoding.writeVarUint(encoder, part);
    else encoding.writeVarUint8Array(encoder, part);
  }
  return encoding.toUint8Array(encoder);
}

const BYTES = new Uint8Array([1, 2, 3]);

describe('frames', () => {
  it.each([
    [0, 'step1'],
    [1, 'step2'],
    [2, 'update']
  ] as const)('of sync kind %i carry what they carry', (kind, name) => {
    expect(readFrame(frame('canvas', 0, kind, BYTES))).toEqual({
      document: 'canvas',
      kind: name,
      payload: BYTES
    });
  });

  it('say whether a change was taken', () => {
    expect(readFrame(frame('canvas', 8, 1))).toEqual({ document: 'canvas', kind: 'answer', accepted: true });
    expect(readFrame(frame('canvas', 8, 0).buffer)).toEqual({
      document: 'canvas',
      kind: 'answer',
      accepted: false
    });
  });

  it('of other kinds, pings and rubbish are told apart', () => {
    expect(readFrame(whoIsThere('canvas'))).toEqual({ document: 'canvas', kind: 'other' });
    expect(readFrame(new Uint8Array([9]))).toBeUndefined();
    expect(readFrame(new Uint8Array([200, 1, 2]))).toBeUndefined();
    expect(readFrame('text')).toBeUndefined();
  });
});
