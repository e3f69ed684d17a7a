// The files of a project: list, send, resume, remove.
import { get, projectPath, send } from '$lib/rest';
import type { FileCategory } from './categories';
import { transfer } from './transfer';

/** Files above this are sent in pieces, and go on where they stopped. */
export const RESUMABLE_BYTES = 8_000_000;
const PIECE_BYTES = 4 * 1024 * 1024;

export interface StoredFile {
  id: string;
  name: string;
  category: FileCategory;
  media_type: string;
  size_bytes: number;
  url: string;
  /** Address of a small picture; null where there is none. */
  thumbnail: string | null;
  /** Address of a small video that every browser plays; null where there is none. */
  proxy: string | null;
  added_at: string;
}

interface Upload {
  id: string;
  offset: number;
}

export const files = {
  list: async (project: string) => (await get<{ files: StoredFile[] }>(projectPath(project, 'files'))).files,
  remove: (project: string, file: string) => send<unknown>('DELETE', projectPath(project, 'files', file)),
  sendWhole,
  begin: (project: string, file: File, category: FileCategory) =>
    send<Upload>('POST', projectPath(project, 'uploads'), {
      name: file.name,
      size_bytes: file.size,
      category
    }),
  offset,
  sendPiece,
  cancel: (project: string, upload: string) =>
    send<unknown>('DELETE', projectPath(project, 'uploads', upload))
};

type OnSent = (sentBytes: number) => void;

async function sendWhole(
  project: string,
  file: File,
  category: FileCategory,
  onSent: OnSent,
  signal: AbortSignal
): Promise<void> {
  const form = new FormData();
  form.append('category', category);
  form.append('files', file, file.name);
  await transfer({
    method: 'POST',
    url: projectPath(project, 'files'),
    body: form,
    onProgress: (sent) => onSent(Math.min(sent, file.size)),
    signal
  });
}

/** How much of an upload has arrived, in bytes. */
async function offset(project: string, upload: string): Promise<number> {
  const { header } = await transfer({ method: 'HEAD', url: projectPath(project, 'uploads', upload) });
  return Number(header('Upload-Offset') ?? 0);
}

/** Sends the next piece; returns how much has arrived then. */
async function sendPiece(
  project: string,
  upload: string,
  file: File,
  from: number,
  onSent: OnSent,
  signal: AbortSignal
): Promise<number> {
  const { header } = await transfer({
    method: 'PATCH',
    url: projectPath(project, 'uploads', upload),
    body: file.slice(from, from + PIECE_BYTES),
    headers: { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(from) },
    onProgress: (sent) => onSent(from + sent),
    signal
  });
  return Number(header('Upload-Offset') ?? from + PIECE_BYTES);
}

const ASK_AGAIN_MS = 3_000;

/** The address of a video that a browser plays: of its small copy once that is made, else of the file itself. */
export async function whenPlayable(file: StoredFile, signal: AbortSignal): Promise<string> {
  while (file.proxy && !signal.aborted) {
    const answer = await fetch(file.proxy, { method: 'HEAD', signal }).catch(() => undefined);
    if (answer?.status === 200) return file.proxy;
    if (answer?.status !== 202) break;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
  return signal.aborted ? '' : file.url;
}
