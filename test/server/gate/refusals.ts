import { expect } from 'vitest';
import { speak } from '../../../server/public/js/language.js';
import { verdictMessage } from '../../../server/public/js/messages.js';
import type { WebNodeOptions } from '../web-node.ts';

/** What a test expects of every refusal. */
export interface Refusal {
  readonly verdict: string;
  readonly cause: string;
  readonly status: number;
  /** A range in seconds. Undefined where waiting does not help. */
  readonly retryAfter?: readonly [min: number, max: number];
  /** The message of the page. */
  readonly page: RegExp;
  /** Options for the web node that is asked. */
  readonly options?: WebNodeOptions;
}

await speak('en', []);

export const RATES = {
  address: { environment: { RATE_LIMIT_IP_PER_SECOND: '1' } },
  user: { environment: { RATE_LIMIT_USER_PER_SECOND: '1' } },
  ticket: { environment: { RATE_LIMIT_TICKET_PER_SECOND: '1' } },
  own: { environment: { RATE_LIMIT_OWN_PER_SECOND: '1' } },
} as const;

/** What all refusals with the same reason have in common, on every route. */
export const KINDS = {
  not_open: {
    verdict: 'not_open',
    status: 425,
    retryAfter: [3_500, 3_600],
    page: /turns on by itself/,
  },
  closed: { verdict: 'closed', status: 410, page: /sale has ended/i },
  paused: {
    verdict: 'paused',
    status: 503,
    retryAfter: [5, 15],
    page: /stopped the sale for now/,
  },
  quota_unavailable: {
    verdict: 'quota_unavailable',
    status: 503,
    retryAfter: [2, 6],
    page: /cannot sell right now/,
  },
  sold_out: { verdict: 'sold_out', status: 410, page: /sold and paid for/ },
  overloaded: { verdict: 'overloaded', status: 503, retryAfter: [2, 6], page: /was not taken/ },
  rate_limited: { verdict: 'rate_limited', status: 429, retryAfter: [1, 3], page: /more requests/ },
  blocked: { verdict: 'blocked', status: 403, page: /excluded/ },
  unauthenticated: { verdict: 'unauthenticated', status: 401, page: /sign in/i },
  not_found: { verdict: 'not_found', status: 404, page: /nothing at this address/ },
  bad_request: { verdict: 'bad_request', status: 400, page: /reload the page/i },
} as const satisfies Record<string, Omit<Refusal, 'cause'>>;

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a problem document, which is what is looked at
  json(): any;
}

/**
 * Checks the problem document, the headers and the page's message. Only that verdict may say "sold
 * out".
 */
export function expectRefusal(answer: Answer, refusal: Refusal): void {
  const { verdict, status, retryAfter, page } = refusal;
  const document = answer.json();
  expect(document).toMatchObject({ verdict, status, type: 'about:blank' });
  expect(answer.statusCode).toBe(status);
  expect(answer.headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/problem\+json/),
    'cache-control': 'no-store',
    // The edge reads no body.
    'x-verdict': verdict,
  });
  const seconds = answer.headers['retry-after'];
  if (retryAfter === undefined) expect(seconds).toBeUndefined();
  else {
    expect(Number(seconds)).toBeGreaterThanOrEqual(retryAfter[0]);
    expect(Number(seconds)).toBeLessThanOrEqual(retryAfter[1]);
  }
  const { title, text, again } = verdictMessage(verdict, document.reason);
  expect(`${title}. ${text}`).toMatch(page);
  if (retryAfter !== undefined) expect(again).not.toBe('never');
  if (verdict === 'sold_out') return;
  expect(title).not.toMatch(/sold out/i);
  expect(JSON.stringify(document).replace('not sold out', '')).not.toMatch(/sold.out/i);
}
