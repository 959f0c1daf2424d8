// @ts-check
/**
 * The shop's HTTP API as values: whatever happens to a call, it resolves to one of four answers.
 * Nothing here throws, and nothing here decides what an answer means.
 */

/** Reads give up after this long; the page asks again anyway. */
const READ_TIMEOUT_MS = 8000;
/** A purchase waits for the broker's confirm. */
const WRITE_TIMEOUT_MS = 15_000;
/** How long one look at a request waits at the server, in seconds. */
export const STATUS_WAIT_SECONDS = 10;

/**
 * @typedef {{ sentAt: number, receivedAt: number, date: string | null }} Timing
 *
 * @typedef {object} Ok
 * @property {'ok'} kind
 * @property {number} status
 * @property {any} body
 * @property {string | null} etag
 * @property {Timing} timing
 *
 * @typedef {object} Refused
 * @property {'refused'} kind
 * @property {number} status
 * @property {string} verdict
 * @property {number} retryAfterSeconds 0 when the shop named no time
 * @property {string | null} statusUrl given when it is not known whether the request was taken
 * @property {string | null} reason what stands behind the verdict, where that changes what is true
 * @property {unknown} challenge a proof of work that would change the answer; null when there is none
 *
 * @typedef {{ kind: 'same', timing: Timing }} Same
 * @typedef {{ kind: 'unanswered' }} Unanswered no answer, or one that no web node wrote
 * @typedef {Ok | Refused | Same | Unanswered} Answer
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
  const sentAt = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers,
      // The page keeps its own ETag: a copy from the browser's cache would carry an old clock.
      cache: 'no-store',
      credentials: 'same-origin',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const timing = { sentAt, receivedAt: performance.now(), date: response.headers.get('date') };
    if (response.status === 304) return { kind: 'same', timing };
    const answer = await response.json().catch(() => null);
    if (!response.ok) return refusal(response, answer);
    if (answer === null && response.status !== 204) return { kind: 'unanswered' };
    const etag = response.headers.get('etag');
    return { kind: 'ok', status: response.status, body: answer, etag, timing };
  } catch {
    return { kind: 'unanswered' };
  }
}

/**
 * @param {Response} response
 * @param {any} problem
 * @returns {Refused | Unanswered}
 */
function refusal(response, problem) {
  const { status } = response;
  const verdict = typeof problem?.verdict === 'string' ? problem.verdict : verdictOfStatus(status);
  // A proxy's 502 says nothing about what became of the request behind it.
  if (verdict === null || verdict === 'internal_error') return { kind: 'unanswered' };
  const retryAfterSeconds = retrySeconds(response.headers.get('retry-after'), Date.now());
  const statusUrl = typeof problem?.statusUrl === 'string' ? problem.statusUrl : null;
  const { challenge = null, causes, reason: why } = problem ?? {};
  // Of a challenge, the page tells the first cause.
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
 * `Retry-After` in seconds: it may be a number or a date. 0 when there is none or it is nonsense.
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
 * @param {string | null} solution of the challenge that the shop asked for
 */
export function getTicket(sale, sku, token, solution) {
  const url = `/api/v1/sales/${encodeURIComponent(sale)}/tickets`;
  const body = solution === null ? { sku } : { sku, challenge: solution };
  return request(url, { method: 'POST', body, token });
}

/**
 * @param {string} purchaseUrl
 * @param {{ key: string, quantity: number, token: string | null, unsure: boolean }} purchase
 *   `unsure`: an earlier send of this key may have been taken
 */
export function buy(purchaseUrl, { key, quantity, token, unsure }) {
  return request(purchaseUrl, {
    method: 'POST',
    body: { quantity },
    headers: { 'idempotency-key': key, ...(unsure && { 'idempotency-retry': 'true' }) },
    token,
    timeoutMs: WRITE_TIMEOUT_MS,
  });
}

/**
 * Waits at the server for the end of a request.
 * @param {string} statusUrl as the shop gave it; it may carry a query of its own
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
function lineUrl(sale, sku) {
  return `/api/v1/sales/${encodeURIComponent(sale)}/skus/${encodeURIComponent(sku)}/waiting`;
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {{ quantity: number, token: string | null }} options
 */
export function joinLine(sale, sku, { quantity, token }) {
  return request(lineUrl(sale, sku), { method: 'POST', body: { quantity }, token });
}

/**
 * Waits at the server for news of the line.
 * @param {string} sale
 * @param {string} sku
 * @param {{ token: string | null, signal: AbortSignal, wait: number }} options `wait` in seconds
 */
export function readLine(sale, sku, { token, signal, wait }) {
  const timeoutMs = wait * 1000 + READ_TIMEOUT_MS;
  return request(`${lineUrl(sale, sku)}?wait=${wait}`, { token, signal, timeoutMs });
}

/**
 * @param {string} sale
 * @param {string} sku
 * @param {string | null} token
 */
export function leaveLine(sale, sku, token) {
  return request(lineUrl(sale, sku), { method: 'DELETE', token });
}

/** @param {string | null} token */
export function listOrders(token) {
  return request('/api/v1/orders', { token });
}

/**
 * @param {string} orderNo
 * @param {string | null} token
 */
export function readOrder(orderNo, token) {
  return request(`/api/v1/orders/${encodeURIComponent(orderNo)}`, { token });
}

/**
 * Pays, or leaves for the provider's page.
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
