import { expect } from 'vitest';
import { CONSOLE_ROLES, hashOfToken, newToken, tokenEntry } from '../../contracts/console.ts';
import { freePort } from '../../ops/stack/ports.ts';
import type { System } from '../system.ts';

/** A console beside a system, and people who sign in to it. */

/** People with one role, and one with all of them. */
export const PEOPLE = [...CONSOLE_ROLES, 'boss'] as const;
export type Who = (typeof PEOPLE)[number];

export interface Console {
  readonly url: string;
  readonly tokens: Readonly<Record<Who, string>>;
}

/**
 * Starts a console as the process `console` of the system.
 *
 * @param environmentOf variables for the console, by its address
 */
export async function startConsole(
  system: System,
  environmentOf: (url: string) => Promise<Record<string, string>> | Record<string, string>,
): Promise<Console> {
  const tokens = Object.fromEntries(PEOPLE.map((who) => [who, newToken()])) as Console['tokens'];
  const entries = PEOPLE.map((login) =>
    tokenEntry({
      login,
      roles: login === 'boss' ? CONSOLE_ROLES : [login],
      sha256: hashOfToken(tokens[login]),
    }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await system.run('console', 'console/main.ts', {
    CONSOLE_PORT: String(port),
    CONSOLE_TOKENS: entries.join(','),
    ...(await environmentOf(url)),
  });
  return { url, tokens };
}

/** A browser's calls without a browser: cookies, Origin and the token of the session. */
export class Caller {
  readonly #url: string;
  cookie = '';
  csrf = '';

  constructor(url: string) {
    this.#url = url;
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(this.#url + path, {
      method,
      redirect: 'manual',
      headers: {
        origin: this.#url,
        cookie: this.cookie,
        'x-csrf-token': this.csrf,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    // biome-ignore lint/suspicious/noExplicitAny: whatever the console answers; tests look at it
    const json: any = isJson ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, text, json };
  }

  async signIn(token: string) {
    const answer = await this.call('POST', '/api/session', { token });
    if (answer.status === 201) {
      this.cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      this.csrf = answer.json.csrf;
    }
    return answer;
  }

  /** Opens the live view, and returns its events as they come. */
  async *live(signal: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
    const response = await fetch(`${this.#url}/api/live`, {
      headers: { cookie: this.cookie },
      signal,
    });
    if (response.body === null) throw new Error('the answer has no body');
    let text = '';
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const each of events) {
        const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(each) ?? [];
        yield { event, data: JSON.parse(data) };
      }
    }
  }
}

/** Signs everybody in. */
export async function signInAll({ url, tokens }: Console): Promise<Record<Who, Caller>> {
  const callers = await Promise.all(
    PEOPLE.map(async (who) => {
      const caller = new Caller(url);
      expect((await caller.signIn(tokens[who])).status).toBe(201);
      return [who, caller] as const;
    }),
  );
  return Object.fromEntries(callers) as Record<Who, Caller>;
}
