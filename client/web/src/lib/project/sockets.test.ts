import { describe, expect, it } from 'vitest';
import { NODE_SPECS, type NodeType, type SocketType } from '../schema/generated';
import { inputsOf, joinedType, mayJoin, mayStand, outputsOf, type Declared } from './sockets';

const TYPES = Object.keys(NODE_SPECS) as NodeType[];

describe('sockets', () => {
  it('may be joined exactly when an output offers a type that the input accepts, over all pairs', () => {
    const joins: string[] = [];
    for (const source of TYPES) {
      for (const out of NODE_SPECS[source].outputs) {
        for (const target of TYPES) {
          for (const into of NODE_SPECS[target].inputs) {
            const common = out.types.filter((type) => into.types.includes(type));
            expect(mayJoin(source, out.name, target, into.name)).toBe(common.length > 0);
            expect(joinedType(source, out.name, target, into.name)).toBe(common[0]);
            if (common.length > 0) joins.push(`${source}.${out.name} > ${target}.${into.name}`);
          }
        }
      }
    }
    expect(joins.sort()).toEqual([
      'pipeline.pipeline > shot.pipeline',
      'prompt.text > shot.prompt',
      'style.style > shot.style'
    ]);
  });

  it('that do not exist are joined to nothing', () => {
    expect(mayJoin('shot', 'nothing', 'shot', 'prompt')).toBe(false);
    expect(mayJoin('pipeline', 'pipeline', 'shot', 'nothing')).toBe(false);
    expect(mayJoin('shot', 'prompt', 'shot', 'pipeline')).toBe(false);
  });
});

describe('the sockets of a shot', () => {
  const socket = (name: string, types: SocketType[]) => ({ name, label: name, types, many: false });
  const MOTION: Declared = {
    inputs: [socket('target', ['Image']), socket('motion', ['Video', 'ControlMap'])],
    makes: ['Video']
  };
  const STILL: Declared = { inputs: [socket('prompt', ['String'])], makes: ['Image'] };
  const names = (declared?: Declared) => inputsOf('shot', declared).map((input) => input.name);

  it('follow what its pipeline declares', () => {
    expect(names()).toEqual(['pipeline', 'prompt', 'style']);
    expect(names(MOTION)).toEqual(['pipeline', 'style', 'target', 'motion']);
    expect(names(STILL)).toEqual(names());
    expect(inputsOf('prompt', MOTION)).toEqual(NODE_SPECS.prompt.inputs);
    expect(outputsOf('shot', STILL)[0]?.types).toEqual(['Image']);
  });

  it('are joined where what one shot makes is what the other takes', () => {
    expect(mayJoin('shot', 'output', 'shot', 'target', STILL, MOTION)).toBe(true);
    expect(mayJoin('shot', 'output', 'shot', 'motion', STILL, MOTION)).toBe(false);
    expect(mayJoin('shot', 'output', 'shot', 'target', STILL)).toBe(false);
    expect(joinedType('shot', 'output', 'shot', 'motion', MOTION, MOTION)).toBe('Video');
  });

  it('keep an edge that an earlier pipeline took', () => {
    expect(mayStand('shot', 'output', 'shot', 'target')).toBe(true);
    expect(mayStand('prompt', 'text', 'shot', 'style')).toBe(false);
    expect(mayStand('prompt', 'text', 'style', 'target')).toBe(false);
  });
});
