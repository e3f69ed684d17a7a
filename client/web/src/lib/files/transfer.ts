// Sends a body and tells how far it is; XMLHttpRequest, because fetch tells no upload progress.
import { ApiError } from '../errors';
import { errorFrom, notReached } from '../rest';

export interface Transfer {
  method: 'POST' | 'PATCH' | 'HEAD';
  url: string;
  body?: Blob | FormData;
  headers?: Record<string, string>;
  /** Bytes that are on their way, the form's own included. */
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal | undefined;
}

export interface Answer {
  text: string;
  header: (name: string) => string | null;
}

/** Throws ApiError, with the code `cancelled` when the signal ended it. */
export function transfer({ method, url, body, headers = {}, onProgress, signal }: Transfer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress?.(event.loaded, event.total);
    request.onerror = () => reject(notReached());
    request.onabort = () => reject(cancelled());
    request.onload = () => {
      const text = request.responseText;
      if (request.status < 300) resolve({ text, header: (name) => request.getResponseHeader(name) });
      else reject(errorFrom(request.status, text, request.getResponseHeader('Retry-After')));
    };
    signal?.addEventListener('abort', () => request.abort());
    request.send(body ?? null);
  });
}

export function isCancelled(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'cancelled';
}

function cancelled(): ApiError {
  return new ApiError(0, 'cancelled', 'Cancelled.');
}
