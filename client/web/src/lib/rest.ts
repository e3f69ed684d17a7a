// Requests to the server's REST interface, and its answers or the reason why there is none.
import { ApiError } from './errors';

export function get<T>(path: string): Promise<T> {
  return request<T>(path, { method: 'GET' });
}

export function send<T>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown
): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  return request<T>(path, init);
}

/** Address of a project in the interface, or of something in it; every part is escaped. */
export function projectPath(id: string, ...parts: string[]): string {
  return ['/api/projects', ...[id, ...parts].map(encodeURIComponent)].join('/');
}

/** "?a=1&b=2" of what is given; "" when nothing is. */
export function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return given.length > 0
    ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
    : '';
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init });
  } catch {
    throw notReached();
  }
  const text = await response.text();
  if (!response.ok) throw errorFrom(response.status, text, response.headers.get('Retry-After'));
  return (text ? JSON.parse(text) : undefined) as T;
}

export function notReached(): ApiError {
  return new ApiError(
    0,
    'network',
    'The server cannot be reached. Check that it runs and that you are online.'
  );
}

/** Reads the server's error body; whatever stands between us and it may answer with something else. */
export function errorFrom(status: number, text: string, retryAfter: string | null = null): ApiError {
  const wait = Number(retryAfter ?? Number.NaN);
  const seconds = Number.isFinite(wait) && wait > 0 ? wait : null;
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; traceId?: string } };
    return new ApiError(status, error.code, error.message, error.traceId ?? '', seconds);
  } catch {
    return new ApiError(
      status,
      'unexpected',
      `The server answered with status ${status} and no explanation.`,
      '',
      seconds
    );
  }
}
