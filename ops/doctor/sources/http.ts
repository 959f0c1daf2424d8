/** Calls over HTTP with a time limit. An error names the host, and never a login in the URL. */

/** Headers tell whole seconds. */
const HALF_SECOND_MS = 500;

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** When the server answered, by its own clock and in whole seconds; undefined without a header. */
  readonly at: number | undefined;
  /** The middle of the call by this machine's clock, and how long it took. */
  readonly middleMs: number;
  readonly tookMs: number;
}

function whyOf({ name, message, cause }: Error, timeoutMs: number): string {
  if (name === 'TimeoutError') return `not within ${timeoutMs} ms`;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** @throws {Error} without an answer in time */
export async function call(base: string, path: string, timeoutMs: number): Promise<Answer> {
  const url = new URL(path, base);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers = {
    ...(username !== '' && {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
    }),
  };
  const startedMs = Date.now();
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { headers, signal, redirect: 'manual' });
    const tookMs = Date.now() - startedMs;
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      status: response.status,
      text: await response.text(),
      at: Number.isNaN(date) ? undefined : date,
      middleMs: startedMs + tookMs / 2,
      tookMs,
    };
  } catch (error) {
    throw new Error(`${url.host} does not answer: ${whyOf(error as Error, timeoutMs)}`);
  }
}

/**
 * How many seconds the other clock is certainly ahead of this one; below 0: behind. Undefined if the header says nothing.
 */
export function aheadOf({ at, middleMs, tookMs }: Answer): number | undefined {
  if (at === undefined) return undefined;
  const aheadMs = at + HALF_SECOND_MS - middleMs;
  const unsureMs = HALF_SECOND_MS + tookMs / 2;
  return (Math.sign(aheadMs) * Math.max(0, Math.abs(aheadMs) - unsureMs)) / 1_000;
}

/** @throws {Error} without an answer in time, or with another status than 200 */
export async function callJson<T>(base: string, path: string, timeoutMs: number): Promise<T> {
  const { status, text } = await call(base, path, timeoutMs);
  if (status !== 200) {
    throw new Error(`${new URL(base).host} answered ${status} to ${path.replace(/\?.*/, '')}`);
  }
  return JSON.parse(text) as T;
}
