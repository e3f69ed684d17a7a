// Reads the head of Hocuspocus frames, enough to know what goes over the wire and what comes back.
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';

/** Carries changes: everything the other side lacks, or one update. */
export type ChangeFrame = { document: string; kind: 'step2' | 'update'; payload: Uint8Array };

export type Frame =
  | { document: string; kind: 'step1'; payload: Uint8Array }
  | ChangeFrame
  | { document: string; kind: 'answer'; accepted: boolean }
  | { document: string; kind: 'other' };

const SYNC = 0;
const QUERY_AWARENESS = 3;
const SYNC_STATUS = 8;
const SYNC_KINDS = ['step1', 'step2', 'update'] as const;

/** What a frame is about, or undefined when it is no frame of a document (a ping). */
export function readFrame(data: unknown): Frame | undefined {
  const bytes = asBytes(data);
  if (!bytes || bytes.length < 2) return undefined;
  try {
    const decoder = decoding.createDecoder(bytes);
    const document = decoding.readVarString(decoder);
    const type = decoding.readVarUint(decoder);
    if (type === SYNC_STATUS)
      return { document, kind: 'answer', accepted: decoding.readVarInt(decoder) === 1 };
    if (type !== SYNC) return { document, kind: 'other' };
    const kind = SYNC_KINDS[decoding.readVarUint(decoder)];
    return kind
      ? { document, kind, payload: decoding.readVarUint8Array(decoder) }
      : { document, kind: 'other' };
  } catch {
    return undefined;
  }
}

/** Asks who is in a room: cheap, changes nothing, and a living server always answers it. */
export function whoIsThere(document: string): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, document);
  encoding.writeVarUint(encoder, QUERY_AWARENESS);
  return encoding.toUint8Array(encoder);
}

function asBytes(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return undefined;
}
