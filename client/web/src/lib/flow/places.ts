// Where new nodes go. Pure.
import { NODE_SPECS, type NodeType, type Position } from '../schema/generated';
import { GUESSED_HEIGHTS, WIDTHS } from './sizes';

export type Box = { x: number; y: number; width: number; height: number };

const GAP = 32;
/** Films are laid out from left to right, so a place beside is nearer than one above or below. */
const VERTICAL_WEIGHT = 1.6;
const WRONG_SIDE = 60;
const OUT_OF_SIGHT = 100_000;
const STEP = 40;
const NEAR = 24;

/** Top left corner of a node that is put exactly around a point; moved on only where another stands right there. */
export function placeAt(centre: Position, type: NodeType, taken: readonly Box[]): Position {
  const place = cornerFor(centre, type);
  while (taken.some((other) => Math.abs(other.x - place.x) < NEAR && Math.abs(other.y - place.y) < NEAR)) {
    place.x += STEP;
    place.y += STEP;
  }
  return place;
}

/** Top left corner of the free place that is nearest to the middle of the view, inside the view if there is one. */
export function freePlace(view: Box, type: NodeType, taken: readonly Box[]): Position {
  const size = { width: WIDTHS[type], height: GUESSED_HEIGHTS[type] };
  const middle = cornerFor({ x: view.x + view.width / 2, y: view.y + view.height / 2 }, type);
  const free = candidates(middle, size, taken).filter(
    (place) => !taken.some((other) => overlap({ ...place, ...size }, other))
  );
  // What only feeds others stands on their left.
  const wrongSide = NODE_SPECS[type].inputs.length === 0 && NODE_SPECS[type].outputs.length > 0 ? 1 : -1;
  const costs = free.map((place) => {
    const distance = Math.hypot(place.x - middle.x, (place.y - middle.y) * VERTICAL_WEIGHT);
    const side = Math.sign(place.x - middle.x) === wrongSide ? WRONG_SIDE : 0;
    return distance + side + (inside({ ...place, ...size }, view) ? 0 : OUT_OF_SIGHT);
  });
  return free[costs.indexOf(Math.min(...costs))] ?? placeAt(middle, type, taken);
}

/** The box around all of them; undefined when there are none. */
export function boundsOf(boxes: readonly Box[]): Box | undefined {
  if (boxes.length === 0) return undefined;
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** The middle, and the places beside, below and above every node, at its height and at the middle's. */
function candidates(
  middle: Position,
  size: { width: number; height: number },
  taken: readonly Box[]
): Position[] {
  const beside = taken.flatMap((box) => {
    const right = box.x + box.width + GAP;
    const left = box.x - GAP - size.width;
    const below = box.y + box.height + GAP;
    const above = box.y - GAP - size.height;
    return [
      { x: right, y: middle.y },
      { x: right, y: box.y },
      { x: left, y: middle.y },
      { x: left, y: box.y },
      { x: middle.x, y: below },
      { x: box.x, y: below },
      { x: middle.x, y: above },
      { x: box.x, y: above }
    ];
  });
  return [middle, ...beside];
}

function cornerFor(centre: Position, type: NodeType): Position {
  return { x: centre.x - WIDTHS[type] / 2, y: centre.y - GUESSED_HEIGHTS[type] / 2 };
}

function overlap(a: Box, b: Box): boolean {
  const margin = GAP / 2;
  return (
    a.x < b.x + b.width + margin &&
    b.x < a.x + a.width + margin &&
    a.y < b.y + b.height + margin &&
    b.y < a.y + a.height + margin
  );
}

/** How far a view has to move so that the box is in it; its top left corner counts where it is larger than the view. */
export function shiftInto(box: Box, view: Box): Position {
  return {
    x: shift(box.x, box.width, view.x, view.width),
    y: shift(box.y, box.height, view.y, view.height)
  };
}

function shift(start: number, size: number, from: number, room: number): number {
  const over = start + size + GAP - (from + room);
  const under = start - GAP - from;
  return under < 0 ? under : Math.min(Math.max(0, over), Math.max(0, under));
}

function inside(a: Box, view: Box): boolean {
  return (
    a.x >= view.x &&
    a.y >= view.y &&
    a.x + a.width <= view.x + view.width &&
    a.y + a.height <= view.y + view.height
  );
}
