// Where new nodes go. Pure.
import type { NodeType, Position } from '../schema/generated';
import { GUESSED_HEIGHTS, WIDTHS } from './sizes';

const STEP = 40;
const NEAR = 24;

/** The top left corner of a node that is to be centred on a point, moved on while another stands right there. */
export function placeAround(centre: Position, type: NodeType, taken: readonly Position[]): Position {
  const place = { x: centre.x - WIDTHS[type] / 2, y: centre.y - GUESSED_HEIGHTS[type] / 2 };
  while (taken.some((other) => Math.abs(other.x - place.x) < NEAR && Math.abs(other.y - place.y) < NEAR)) {
    place.x += STEP;
    place.y += STEP;
  }
  return place;
}
