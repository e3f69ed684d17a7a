import { describe, expect, it } from 'vitest';
import { NODE_SPECS, type NodeType } from '../schema/generated';
import { joinedType, mayJoin } from './sockets';

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
