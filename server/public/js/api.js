// @ts-check
/**
 * The shop's HTTP API as values: every call resolves to one of four answers. Nothing here throws,
 * and nothing here decides what an answer means.
 */

import { atRoot } from './root.js';
import { steadyNow } from './steady.js';

/** Time limit of reads. The page repeats them anyway. */
const READ_TIMEOUT_MS = 8000;
/** Time limit of writes: a purchase waits for the confirm of the broker. */
const WRITE_TIMEOUT_MS = 15_000;
/** How long the server may hold one status call, in seconds. */
export const STATUS_WAIT_SECONDS = 10;

/**
 * @typedef {object} Timing
 * @property {number} sentAt monotonic milliseconds
 * @property {number} receivedAt monotonic milliseconds
 * @property {number} serverTimeMs the shop's time when the answer left, milliseconds since 1970; NaN if
 *   the answer does not tell it
 * @property {number} resolutionMs how much later that time may have been
 * @property {number} ageMs how old the content was when the answer left: 0 if it came from a web node
 *
 * @typedef {object} Ok
 * @property {'ok'} kind
 * @property {number} status
 * @property {any} body
 * @property {string | null} etag
 * @property {string | null} next address of the next page of a list; null when there is none
 * @property {Timing} timing
 *
 * @typedef {object} Refused
 * @property {'refused'} kind
 * @property {number} status
 * @property {string} verdict
 * @property {number} retryAfterSeconds 0 when the answer has no `Retry-After`
 * @property {string | null} statusUrl present when the web node does not know whether the request was taken
 * @property {string | null} reason cause of the verdict, if the message depends on it
 * @property {unknown} challenge the proof of work that the shop requires; null when there is none
 *
 * @typedef {{ kind: 'same', timing: Timing }} Same
 * @typedef {{ kind: 'unanswered' }} Unanswered no answer, or one that does not come from a web node
 * @typedef {Ok | Refused | Same | Unanswered} Answer
 *
 * @typedef {{ row?: string, seat: string }} Seat
 *
 * @typedef {object} Call
 * @property {string} [method]
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {string | null} [token]
 * @property {number} [timeoutMs]
 * @property {AbortSignal} [signal]
 */

/**
 * @param {string} url
 * @param {Call} [call]
 * @returns {Promise<Answer>}
 */
async function request(url, call = {}) {
  const { method = 'GET', body, token, timeoutMs = READ_TIMEOUT_MS, signal } = call;
  const headers = new Headers({ accept: 'application/json', ...call.headers });
  if (token) headers.set('authorization', `Bearer ${token}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  const timeout = AbortSignal.timeout(timeoutMs);
  const sentAt = steadyNow();
  try {
    const response = await fetch(atRoot(url), {
      method,
      headers,
      // The page keeps its own ETag: a copy of the browser does not tell its age.
      cache: 'no-store',
      credentials: 'same-origin',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const receivedAt = steadyNow();
    const isSame = response.status === 304;
    const answer = isSame ? null : await response.json().catch(() => null);
    const timing = { sentAt, receivedAt, ...shopTime(response.headers, answer?.serverTime) };
    if (isSame) return { kind: 'same', timing };
    if (!response.ok) return refusal(response, answer);
    if (answer === null && response.status !== 204) return { kind: 'unanswered' };
    const etag = response.headers.get('etag');
    const next = nextPage(response.headers.get('link'));
    return { kind: 'ok', status: response.status, body: answer, etag, next, timing };
  } catch {
    return { kind: 'unanswered' };
  }
}

/** @param {string | null} link the header `Link` */
function nextPage(link) {
  return /<([^<>]+)>; *rel="?next"?/.exec(link ?? '')?.[1] ?? null;
}

/**
 * Reads the shop's time in an answer that may come from a cache. The edge says when it asked the shop and
 * when it answered, by one clock, so that the age of its copy is exact. A CDN tells the age of its copy
 * in whole seconds. Where something on the way has removed these headers, the time in the answer counts: a
 * copy may be a second old.
 * @param {Headers} headers
 * @param {string} [written] the time in the answer
 */
export function shopTime(headers, written = '') {
  /** @param {string} name */
  const number = (name) => Number(headers.get(name) ?? Number.NaN);
  const atEdgeMs = (number('x-edge-answered') - number('x-edge-asked')) * 1000;
  const atCdnMs = number('age') * 1000;
  const ageMs = Math.max(0, atEdgeMs || 0) + Math.max(0, atCdnMs || 0);
  const isTold = headers.has('x-shop-time');
  return {
    serverTimeMs: (isTold ? number('x-shop-time') : Date.parse(written)) + ageMs,
    resolutionMs: isTold && !headers.has('age') ? 0 : 1000,
    ageMs,
  };
}

/**
 * @param {Response} response
 * @param {any} problem
 * @returns {Refused | Unanswered}
 */
function refusal(response, problem) {
  const { status } = response;
  const verdict = typeof problem?.verdict === 'string' ? problem.verdict : verdictOfStatus(status);
  // A 502 of a proxy does not tell what became of the request.
  if (verdict === null || verdict === 'internal_error') return { kind: 'unanswered' };
  const retryAfterSeconds = retrySeconds(response.headers.get('retry-after'), Date.now());
  const statusUrl = typeof problem?.statusUrl === 'string' ? problem.statusUrl : null;
  const { challenge = null, causes, reason: why } = problem ?? {};
  // A challenge may have several causes. The page tells the first one.
  const reason = challenge === null ? why : causes?.[0];
  return {
    kind: 'refused',
    status,
    verdict,
    retryAfterSeconds,
    statusUrl,
    reason: typeof reason === 'string' ? reason : null,
    challenge,
  };
}

/** @param {number} status */
function verdictOfStatus(status) {
  if (status >= 500) return null;
  if (status === 401) return 'unauthenticated';
  if (status === 404) return 'not_found';
  if (status === 409) return 'not_allowed_now';
  return status === 429 ? 'rate_limited' : 'bad_request';
}

/**
 * Returns `Retry-After` in seconds. The header may be a number or a date. 0 if it is missing or
 * invalid.
 * @param {string | null} header
 * @param {number} nowMs
 */
export function retrySeconds(header, nowMs) {
  if (header === null || header.trim() === '') return 0;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? (Date.parse(header) - nowMs) / 1000 : seconds;
  return Number.isFinite(wait) ? Math.max(0, Math.ceil(wait)) : 0;
}

/** @param {string} [etag] */
export function listSales(etag) {
  return request('/api/v1/sales', etag ? { headers: { 'if-none-match': etag } } : {});
}

/**
 * @param {string} sale
 * @param {string | null} etag
 */
export function readSale(sale, etag) {
  const url = `/api/v1/sales/${encodeURIComponent(sale)}`;
  return request(url, etag ? { headers: { 'if-none-match': etag } } : {});
}

export function becomeGuest() {
  return request('/api/v1/demo/guest', { method: 'POST' });
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string | null} token
 * @param {string | null} solution of the challenge, if the shop required one
 */
export function getTicket(sale, sku, token, solution) {
  const url = `/api/v1/sales/${encodeURIComponent(sale)}/tickets`;
  const body = solution === null ? { sku } : { sku, challenge: solution };
  return request(url, { method: 'POST', body, token });
}

/**
 * @param {string} purchaseUrl
 * @param {{ key: string, quantity: number, seats: readonly Seat[] | null, token: string | null, unsure: boolean }} purchase
 *   `seats`: chosen on a plan; `unsure`: the shop may have taken an earlier send of this key
 */
export function buy(purchaseUrl, { key, quantity, seats, token, unsure }) {
  return request(purchaseUrl, {
    method: 'POST',
    body: seats === null ? { quantity } : { seats },
    headers: { 'idempotency-key': key, ...(unsure && { 'idempotency-retry': 'true' }) },
    token,
    timeoutMs: WRITE_TIMEOUT_MS,
  });
}

/**
 * Asks for the status of a request. The server holds the call until the request has ended or the
 * wait is over.
 * @param {string} statusUrl as the shop sent it; it may have a query
 * @param {{ token: string | null, signal: AbortSignal }} options
 */
export function readRequest(statusUrl, { token, signal }) {
  const url = new URL(statusUrl, location.origin);
  url.searchParams.set('wait', String(STATUS_WAIT_SECONDS));
  const timeoutMs = STATUS_WAIT_SECONDS * 1000 + READ_TIMEOUT_MS;
  return request(url.pathname + url.search, { token, signal, timeoutMs });
}

/**
 * @param {string} sale
 * @param {string} sku
 */
function waitlistUrl(sale, sku) {
  return `/api/v1/sales/${encodeURIComponent(sale)}/skus/${encodeURIComponent(sku)}/waiting`;
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {{ quantity: number, token: string | null }} options
 */
export function joinWaitlist(sale, sku, { quantity, token }) {
  return request(waitlistUrl(sale, sku), { method: 'POST', body: { quantity }, token });
}

/**
 * Asks for the shopper's place in the waitlist. The server holds the call until the place changes or
 * the wait is over.
 * @param {string} sale
 * @param {string} sku
 * @param {{ token: string | null, signal: AbortSignal, wait: number }} options `wait` in seconds
 */
export function readWaitlist(sale, sku, { token, signal, wait }) {
  const timeoutMs = wait * 1000 + READ_TIMEOUT_MS;
  return request(`${waitlistUrl(sale, sku)}?wait=${wait}`, { token, signal, timeoutMs });
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string | null} token
 */
export function leaveWaitlist(sale, sku, token) {
  return request(waitlistUrl(sale, sku), { method: 'DELETE', token });
}

/**
 * The newest orders, or those of another page of the list.
 * @param {string | null} token
 * @param {string} [page] its address, as the shop sent it
 */
export function listOrders(token, page = '/api/v1/orders') {
  return request(page, { token });
}

/**
 * @param {string} orderNo
 * @param {string | null} token
 */
export function readOrder(orderNo, token) {
  return request(`/api/v1/orders/${encodeURIComponent(orderNo)}`, { token });
}

/**
 * @param {string} orderNo
 * @param {string | null} token
 */
export function readCodes(orderNo, token) {
  return request(`/api/v1/orders/${encodeURIComponent(orderNo)}/codes`, { token });
}

/**
 * Pays, or goes to the page of the payment provider.
 * @param {string} orderNo
 * @param {string | null} token
 */
export async function payOrder(orderNo, token) {
  const url = `/api/v1/orders/${encodeURIComponent(orderNo)}/checkout`;
  const checkout = await request(url, { method: 'POST', token, timeoutMs: WRITE_TIMEOUT_MS });
  if (checkout.kind !== 'ok') return checkout;
  if (checkout.body.method === 'POST') {
    return request(checkout.body.url, { method: 'POST', token, timeoutMs: WRITE_TIMEOUT_MS });
  }
  location.assign(checkout.body.url);
  return checkout;
}

/**
 * @param {string} orderNo
 * @param {string | null} token
 */
export function cancelOrder(orderNo, token) {
  const url = `/api/v1/orders/${encodeURIComponent(orderNo)}/cancel`;
  return request(url, { method: 'POST', token, timeoutMs: WRITE_TIMEOUT_MS });
}

/**
 * Whether this shopper has today's unit of daily goods.
 * @param {string} sale
 * @param {string} sku
 * @param {string} token
 */
export function readToday(sale, sku, token) {
  const path = `/api/v1/sales/${encodeURIComponent(sale)}/skus/${encodeURIComponent(sku)}/today`;
  return request(path, { token });
}

/**
 * The seats of numbered goods, and which are free.
 * @param {string} sale
 * @param {string} sku
 * @param {string | null} etag
 */
export function readUnits(sale, sku, etag) {
  const path = `/api/v1/sales/${encodeURIComponent(sale)}/skus/${encodeURIComponent(sku)}/units`;
  return request(path, etag ? { headers: { 'if-none-match': etag } } : {});
}

/** How the shop tells shoppers off the page. */
export function noticeSettings() {
  return request('/api/v1/notices');
}

/** @param {string} sale */
function noticesUrl(sale) {
  return `/api/v1/sales/${encodeURIComponent(sale)}/notices`;
}

/**
 * @param {string} sale
 * @param {string | null} token
 */
export function readNotices(sale, token) {
  return request(noticesUrl(sale), { token });
}

/**
 * @param {string} sale
 * @param {string | null} token
 * @param {{ language: string, email?: string, push?: object }} body
 */
export function addNotices(sale, token, body) {
  return request(noticesUrl(sale), { method: 'POST', token, body, timeoutMs: WRITE_TIMEOUT_MS });
}

/**
 * @param {string} sale
 * @param {string | null} token
 */
export function forgetNotices(sale, token) {
  return request(noticesUrl(sale), { method: 'DELETE', token });
}

/** @param {string} token of the link in a message */
export function confirmNotices(token) {
  return request('/api/v1/notices/confirm', { method: 'POST', body: { token } });
}

/** @param {string} token of the link in a message */
export function unsubscribeNotices(token) {
  return request(`/api/v1/notices/unsubscribe/${encodeURIComponent(token)}`, { method: 'POST' });
}
