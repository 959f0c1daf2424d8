/** Calls over HTTP with a time limit. An error names the host, and never a login in the URL. */

const ANSWER_TIMEOUT_MS = 3_000;

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** When the server answered, by its own clock and in whole seconds; undefined without a header. */
  readonly at: number | undefined;
  /** The middle of the call, by this machine's clock. */
  readonly middleMs: number;
}

function whyOf({ name, message, cause }: Error): string {
  if (name === 'TimeoutError') return `not within ${ANSWER_TIMEOUT_MS} ms`;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** @throws {Error} without an answer in time */
export async function call(base: string, path: string): Promise<Answer> {
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
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await fetch(url, { headers, signal, redirect: 'manual' });
    const middleMs = (startedMs + Date.now()) / 2;
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      status: response.status,
      text: await response.text(),
      at: Number.isNaN(date) ? undefined : date,
      middleMs,
    };
  } catch (error) {
    throw new Error(`${url.host} does not answer: ${whyOf(error as Error)}`);
  }
}

/** @throws {Error} without an answer in time, or with another status than 200 */
export async function callJson<T>(base: string, path: string): Promise<T> {
  const { status, text } = await call(base, path);
  if (status !== 200) {
    throw new Error(`${new URL(base).host} answered ${status} to ${path.replace(/\?.*/, '')}`);
  }
  return JSON.parse(text) as T;
}
