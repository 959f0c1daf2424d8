// @ts-check
/**
 * The flow of a shopper for k6, with the plan of `flashsale load` (docs/load.md):
 *
 *   npx flashsale load PLAN --check --json > plan.json
 *   k6 run -e SHOP_URL=https://shop.example -e PLAN=plan.json ops/load/k6.js
 *
 * It knows less than `flashsale load`: it has guests only, draws without the seed, solves no
 * challenge, reads no stream, and breaks no connection.
 */
import { check, sleep } from 'k6';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';

/**
 * @typedef {object} Stage
 * @property {number} durationMs
 * @property {number} from shoppers a second
 * @property {number} to
 *
 * @typedef {object} Plan
 * @property {string} sale
 * @property {Stage[]} stages
 * @property {Record<string, number>} behaviours
 * @property {Record<string, number>} [skus]
 * @property {number} quantity
 * @property {number} patienceMs
 * @property {Record<'press' | 'pay' | 'back' | 'reload' | 'bot', number>} pausesMs
 * @property {number} aliveMax
 *
 * @typedef {{ sku: string, availability: string }} Sku
 * @typedef {{ state: string, opensAt: string, serverTime: string, skus: Sku[] }} Sale
 * @typedef {{ method?: 'GET' | 'POST', body?: unknown, token?: string, headers?: Record<string, string>,
 *   timeout?: string }} Call
 */

/** @type {Plan} */
const plan = JSON.parse(open(__ENV.PLAN ?? 'plan.json'));
const shop = (__ENV.SHOP_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');

const outcomes = new Counter('outcomes');
const refusals = new Counter('refusals');
const outcomeTime = new Trend('outcome_time', true);

/** The page rests its button for this time, and asks for the outcome again after the other one. */
const PRESS_REST_SECONDS = 5;
const LOOK_AGAIN_SECONDS = 0.5;
const WAIT_SECONDS = 10;
const FINAL = ['sold_out', 'closed', 'blocked', 'limit_reached', 'not_found', 'bad_request'];

/** k6 goes from target to target. Where a stage begins with another rate, a stage of no time jumps. */
const stages = plan.stages.flatMap(({ durationMs, from, to }) => [
  { target: Math.round(from * 60), duration: '0s' },
  { target: Math.round(to * 60), duration: `${durationMs}ms` },
]);

/** @type {import('k6/options').Options} */
const options = {
  // A real shopper has connections of their own.
  noVUConnectionReuse: true,
  userAgent: 'Mozilla/5.0 (compatible; k6)',
  scenarios: {
    crowd: {
      // An open loop: arrivals do not wait for answers.
      executor: 'ramping-arrival-rate',
      startRate: Math.round((plan.stages[0]?.from ?? 0) * 60),
      timeUnit: '1m',
      preAllocatedVUs: Math.min(200, plan.aliveMax),
      maxVUs: plan.aliveMax,
      gracefulStop: `${plan.patienceMs}ms`,
      stages,
    },
  },
};

export { options };

/** @param {Record<string, number>} weights */
function pick(weights) {
  const all = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  let left = Math.random() * all;
  for (const [name, weight] of Object.entries(weights)) {
    left -= weight;
    if (left < 0) return name;
  }
  return undefined;
}

/** @param {number} ms */
const pauseAround = (ms) => sleep((ms * (0.5 + Math.random())) / 1000);

/**
 * @param {string} name of the call in the results
 * @param {string} path
 * @param {Call} [call]
 */
function request(name, path, { method = 'GET', body, token, headers, timeout = '15s' } = {}) {
  const response = http.request(
    method,
    shop + path,
    body === undefined ? null : JSON.stringify(body),
    {
      tags: { name },
      timeout,
      headers: {
        accept: 'application/json',
        'accept-language': 'en',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    },
  );
  /** @type {any} */
  let answer = null;
  try {
    answer = response.json();
  } catch {
    // A page, or no answer.
  }
  return {
    status: response.status,
    answer,
    retryAfter: Number(response.headers['Retry-After'] ?? 0),
  };
}

/** A random UUID, as the page makes it. */
function newKey() {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
    Math.floor(Math.random() * 16).toString(16),
  );
}

/** @returns {Sale | null} */
function lookAtSale() {
  const { status, answer } = request('sale', `/api/v1/sales/${plan.sale}`);
  return status === 200 ? answer : null;
}

/**
 * Waits for the opening and looks at the sale again then.
 * @param {Sale} sale
 */
function untilOpen(sale) {
  const opensInMs = Date.parse(sale.opensAt) - Date.parse(sale.serverTime);
  if (opensInMs > 0) sleep(opensInMs / 1000);
  return lookAtSale() ?? sale;
}

/**
 * One press.
 * @param {string} sku
 * @param {string} token
 * @returns {{ statusUrl?: string, verdict?: string, retryAfter: number }}
 */
function press(sku, token) {
  const path = `/api/v1/sales/${plan.sale}/tickets`;
  const ticket = request('ticket', path, { method: 'POST', body: { sku }, token });
  const verdict = ticket.answer?.challenge ? 'challenge' : (ticket.answer?.verdict ?? 'unanswered');
  if (ticket.status !== 201) return { verdict, retryAfter: ticket.retryAfter };
  const taken = request('buy', ticket.answer.purchaseUrl, {
    method: 'POST',
    body: { quantity: plan.quantity },
    token,
    headers: { 'idempotency-key': newKey() },
  });
  check(taken, { 'the purchase is answered': ({ status }) => status > 0 && status !== 500 });
  const { answer, retryAfter } = taken;
  return { statusUrl: answer?.statusUrl, verdict: answer?.verdict, retryAfter };
}

/**
 * Asks until the outcome is known or the patience is over.
 * @param {string} statusUrl
 * @param {string} token
 * @param {number} untilMs
 */
function follow(statusUrl, token, untilMs) {
  const join = statusUrl.includes('?') ? '&' : '?';
  while (Date.now() < untilMs) {
    const path = `${statusUrl}${join}wait=${WAIT_SECONDS}`;
    const { answer } = request('long-poll', path, { token, timeout: `${WAIT_SECONDS + 8}s` });
    if (
      answer?.status !== undefined &&
      answer.verdict === undefined &&
      answer.status !== 'queued'
    ) {
      return answer;
    }
    sleep(LOOK_AGAIN_SECONDS);
  }
  return null;
}

/**
 * @param {string} orderNo
 * @param {string} token
 */
function pay(orderNo, token) {
  const path = `/api/v1/orders/${orderNo}/checkout`;
  const { status, answer } = request('checkout', path, { method: 'POST', token });
  // The page of a real provider: the shopper stops here.
  if (status !== 200 || answer.method !== 'POST') return;
  request('pay', answer.url, { method: 'POST', token });
  request('order', `/api/v1/orders/${orderNo}`, { token });
}

/**
 * @param {string} behaviour
 * @param {string} sku
 * @param {string} token
 */
function buy(behaviour, sku, token) {
  const untilMs = Date.now() + plan.patienceMs;
  while (Date.now() < untilMs) {
    pauseAround(behaviour === 'bot' ? plan.pausesMs.bot : plan.pausesMs.press);
    const pressedMs = Date.now();
    const { statusUrl, verdict = 'unanswered', retryAfter } = press(sku, token);
    if (statusUrl === undefined) {
      refusals.add(1, { verdict });
      if (FINAL.includes(verdict) || verdict === 'challenge') return;
      if (behaviour !== 'bot') sleep(Math.max(PRESS_REST_SECONDS, retryAfter));
      continue;
    }
    if (behaviour === 'leaves') return;
    if (behaviour === 'comes-back') {
      pauseAround(plan.pausesMs.back);
      request('page', `/sales/${plan.sale}`);
      lookAtSale();
    }
    const decided = follow(statusUrl, token, untilMs);
    if (decided === null) return;
    outcomeTime.add(Date.now() - pressedMs);
    outcomes.add(1, { outcome: decided.status });
    if (decided.status !== 'ordered' || behaviour === 'keeps') return;
    pauseAround(plan.pausesMs.pay);
    const { orderNo } = decided.order;
    if (behaviour !== 'cancels') return pay(orderNo, token);
    request('cancel', `/api/v1/orders/${orderNo}/cancel`, { method: 'POST', token });
    return;
  }
}

/** One shopper. */
export default function shopper() {
  const behaviour = pick(plan.behaviours) ?? 'buys';
  if (behaviour !== 'bot') request('page', `/sales/${plan.sale}`);
  const seen = lookAtSale();
  const guest = request('guest', '/api/v1/demo/guest', { method: 'POST' });
  const token = guest.answer?.token;
  if (seen === null || token === undefined) return;
  if (behaviour !== 'bot') request('orders', '/api/v1/orders', { token });
  const sale = untilOpen(seen);
  if (behaviour === 'looks') {
    sleep(plan.patienceMs / 1000);
    lookAtSale();
    return;
  }
  const alike = Object.fromEntries(sale.skus.map(({ sku }) => [sku, 1]));
  const sku = pick(plan.skus ?? alike);
  const isGone = sale.skus.find((one) => one.sku === sku)?.availability === 'sold_out';
  if (sku !== undefined && !isGone) buy(behaviour, sku, token);
}
