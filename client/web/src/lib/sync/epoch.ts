// Epochs: a document that was restored or imported anew shares no history with its older copies and must not merge with them.
import * as Y from 'yjs';
import { CLOSE_CODES } from '../schema/generated';

export function epochOf(doc: Y.Doc): string | undefined {
  const epoch: unknown = doc.getMap('meta').get('epoch');
  return typeof epoch === 'string' ? epoch : undefined;
}

/** Whether an update from the server belongs to another epoch than the document we hold. */
export function isFromAnotherEpoch(doc: Y.Doc, update: Uint8Array): boolean {
  const ours = epochOf(doc);
  // A document without an epoch is new here. What we already have of the server's document is not sent again, so an
  // update without an epoch is of ours.
  if (ours === undefined) return false;
  const scratch = new Y.Doc();
  Y.applyUpdate(scratch, update);
  const theirs = epochOf(scratch);
  scratch.destroy();
  return theirs !== undefined && theirs !== ours;
}

/** Whether the server refused a document because ours is of another epoch: its words begin with the close code. */
export function isOtherEpoch(reason: string): boolean {
  return reason.startsWith(`${CLOSE_CODES.OTHER_EPOCH} `);
}
