// One error type for every refused or failed request, in the server's own words.

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** Short machine word, e.g. `not_found`; `network` when no answer came. */
    readonly code: string,
    message: string,
    /** To be quoted to whoever runs the server; empty when there is none. */
    readonly traceId = '',
    /** How long to wait before asking again, as the server says; null when it says nothing. */
    readonly retryAfterSeconds: number | null = null
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Whether the server was not reached, or was reached and is not well: the same request may succeed later. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** A sentence for people, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message) return error.message;
  return 'Something went wrong that has no description.';
}

export function traceIdOf(error: unknown): string {
  return error instanceof ApiError ? error.traceId : '';
}
