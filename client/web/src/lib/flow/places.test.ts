import { describe, expect, it } from 'vitest';
import { shiftInto } from './places';

const VIEW = { x: 0, y: 0, width: 1000, height: 600 };

describe('the way of the view to a new node', () => {
  it('is none while the node is in it', () => {
    expect(shiftInto({ x: 100, y: 100, width: 300, height: 300 }, VIEW)).toEqual({ x: 0, y: 0 });
  });

  it('is only as far as needed, with a margin', () => {
    expect(shiftInto({ x: 900, y: 100, width: 300, height: 300 }, VIEW)).toEqual({ x: 232, y: 0 });
    expect(shiftInto({ x: 100, y: -400, width: 300, height: 300 }, VIEW)).toEqual({ x: 0, y: -432 });
  });

  it('leads to the corner of a node that is larger than the view', () => {
    expect(shiftInto({ x: 100, y: 700, width: 300, height: 900 }, VIEW)).toEqual({ x: 0, y: 668 });
  });
});
