import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { issueTicket } from '../../server/gate/ticket.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString('base64')}`;

describe('a purchase, from the ticket to the payment', () => {
  let system: System;
  let sale: string;

  beforeAll(async () => {
    system = await startSystem({
      environment: { PAYMENT_WEBHOOK_SECRET: WEBHOOK_SECRET, LOG_LEVEL: 'trace' },
    });
    sale = await system.createSale([
      { sku: 'TV', units: 200, userLimit: 2 },
      { sku: 'Phone', units: 2, schema: 'regular' },
    ]);
  });
  afterAll(() => system?.stop());

  const shopper = (userId?: string) => new Shopper(system.url, system.jwtSecret, userId);
  const verdict = ({ status, body }: Answer) => [status, body.verdict];
  /** The payments that no order got, by reason. */
  const strays = async () => {
    const texts = await Promise.all(['web-1', 'web-2'].map((name) => system.metrics(name)));
    const lines = texts
      .join('\n')
      .matchAll(/^flashsale_stray_payments_total\{.*?reason="(\w+)".*?\} (\d+)/gm);
    const counts: Record<string, number> = {};
    for (const [, reason = '', count] of lines)
      counts[reason] = (counts[reason] ?? 0) + Number(count);
    return counts;
  };

  it('is taken, decided, and paid by a signed callback, once', async () => {
    const ada = shopper();
    const taken = await ada.press(sale, 'TV');
    expect(taken.status).toBe(202);
    expect(taken.body).toMatchObject({ status: 'queued' });
    const outcome = await ada.outcome(taken.body.statusUrl);
    expect(outcome.body).toMatchObject({
      requestId: taken.body.requestId,
      status: 'ordered',
      order: { sale, sku: 'TV', quantity: 1, amount: '9.90', currency: 'EUR', status: 'ordered' },
    });
    const { order } = outcome.body;
    const listed = await ada.call('GET', '/api/v1/orders');
    expect(listed.body.orders).toEqual([order]);
    expect((await ada.call('GET', `/api/v1/orders/${order.orderNo}`)).body).toEqual(order);

    const paid = await ada.call('POST', `/api/v1/demo/orders/${order.orderNo}/pay`);
    expect([paid.status, paid.body]).toEqual([200, { orderNo: order.orderNo, status: 'paid' }]);
    const again = await ada.call('POST', `/api/v1/demo/orders/${order.orderNo}/pay`);
    expect(again.body.status).toBe('paid');
    expect((await ada.call('GET', taken.body.statusUrl)).body.status).toBe('paid');
    const cancelled = await ada.call('POST', `/api/v1/orders/${order.orderNo}/cancel`);
    expect(verdict(cancelled)).toEqual([409, 'not_allowed_now']);
  });

  it('is taken once for an Idempotency-Key, however often it is sent and to whichever node', async () => {
    const ada = shopper();
    const key = randomUUID();
    const tickets = await Promise.all(Array.from({ length: 8 }, () => ada.ticket(sale, 'TV')));
    const answers = await Promise.all(
      tickets.map((ticket) => ada.press(sale, 'TV', { ticket, key: key.toUpperCase() })),
    );
    // Two nodes may get it at the same time. Each takes it at most once, and it has one outcome.
    for (const answer of answers) expect([202, 429]).toContain(answer.status);
    const taken = answers.filter(({ status }) => status === 202);
    expect(new Set(taken.map(({ body }) => body.requestId))).toEqual(new Set([key]));
    const outcome = await ada.outcome(taken[0]?.body.statusUrl);
    expect(outcome.body.status).toBe('ordered');
    const orders = await ada.call('GET', '/api/v1/orders?limit=10');
    expect(orders.body.orders).toHaveLength(1);
  });

  it('without a key counts as one request for each ticket', async () => {
    const ada = shopper();
    const ticket = await ada.ticket(sale, 'TV');
    const [first, second] = [
      await ada.press(sale, 'TV', { ticket }),
      await ada.press(sale, 'TV', { ticket }),
    ];
    expect(first.status).toBe(202);
    // The other node may answer, which knows only the cooldown of its own admissions.
    if (second.status === 202) expect(second.body.requestId).toBe(first.body.requestId);
    await ada.outcome(first.body.statusUrl);
    expect((await ada.call('GET', '/api/v1/orders?limit=10')).body.orders).toHaveLength(1);
  });

  it('with an invalid body is refused with an explanation and takes nothing', async () => {
    const ada = shopper();
    const ticket = await ada.ticket(sale, 'TV');
    for (const quantity of [0, -1, 1.5, 1e9, '1', true, 3]) {
      const answer = await ada.press(sale, 'TV', { ticket, quantity });
      expect([quantity, ...verdict(answer)]).toEqual([quantity, 400, 'bad_request']);
      expect(answer.contentType).toContain('application/problem+json');
    }
    const send = (body: string, type: string) =>
      ada.call('POST', `/api/v1/buy/${ticket}`, body, { 'content-type': type });
    expect(verdict(await send('{"quantity":', 'application/json'))).toEqual([400, 'bad_request']);
    expect(verdict(await send('{"quantity":1}', 'text/plain'))).toEqual([415, 'bad_request']);
    expect(verdict(await send('{"quantity":1,"__proto__":{"x":1}}', 'application/json'))).toEqual([
      400,
      'bad_request',
    ]);
    const large = JSON.stringify({ quantity: 1, padding: 'x'.repeat(10_000) });
    expect(verdict(await send(large, 'application/json'))).toEqual([413, 'bad_request']);
    const key = await ada.press(sale, 'TV', { ticket, key: 'not-a-uuid' });
    expect(verdict(key)).toEqual([400, 'bad_request']);
    expect((await ada.call('GET', '/api/v1/orders?limit=10')).body.orders).toEqual([]);
  });

  it("with a missing, forged, expired or another user's ticket is refused", async () => {
    const [ada, bob] = [shopper(), shopper()];
    const refused = [403, 'ticket_invalid'];
    const ticket = await bob.ticket(sale, 'TV');
    expect(verdict(await ada.press(sale, 'TV', { ticket }))).toEqual(refused);
    expect(verdict(await ada.call('POST', '/api/v1/buy/', { quantity: 1 }))).toEqual(refused);
    const forged = issueTicket(
      randomBytes(32),
      { sale, userId: ada.userId },
      'TV',
      Date.now() + 9e4,
    );
    expect(verdict(await ada.press(sale, 'TV', { ticket: forged }))).toEqual(refused);
    const [row] = await system.databases.regular.query<{ key: Buffer }>({
      text: 'SELECT catalog.ticket_key($1) AS key',
      values: [sale],
    });
    const expired = issueTicket(
      row?.key as Buffer,
      { sale, userId: ada.userId },
      'TV',
      Date.now() - 1_000,
    );
    expect(verdict(await ada.press(sale, 'TV', { ticket: expired }))).toEqual(refused);
    const anonymous = await fetch(new URL(`/api/v1/buy/${ticket}`, system.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"quantity":1}',
    });
    expect(anonymous.status).toBe(401);
    await expect(ada.ticket(sale, 'Car')).rejects.toThrow('404');
    await expect(ada.ticket('nowhere', 'TV')).rejects.toThrow('404');
  });

  it('gets no ticket before the opening, and none can be forged', async () => {
    const opensAt = new Date(Date.now() + 600_000);
    const skus = [{ sku: 'Later', units: 5 }];
    const later = await system.createSale(skus, { opensAt });
    const ada = shopper();
    const early = await ada.call('POST', `/api/v1/sales/${later}/tickets`, { sku: 'Later' });
    expect(verdict(early)).toEqual([425, 'not_open']);
    expect(Number(early.retryAfter)).toBeGreaterThanOrEqual(1);
    const keys = await system.databases.regular.query({
      text: 'SELECT * FROM catalog.ticket_key WHERE sale = $1',
      values: [later],
    });
    expect(keys).toEqual([]);
    await system.databases.regular.query({
      text: 'UPDATE catalog.sale SET opens_at = now() WHERE sale = $1',
      values: [later],
    });
    const pollMs = 200; // below the limit of a user
    const taken = async () => {
      const ticket = await ada.ticket(later, 'Later');
      // The other node may hear of the new opening a moment later.
      return (await ada.press(later, 'Later', { ticket })).status === 202;
    };
    await until('a purchase after the opening', taken, { pollMs });
  });

  it('and its order are shown to no other user', async () => {
    const [ada, bob] = [shopper(), shopper()];
    const taken = await ada.press(sale, 'TV');
    const { body } = await ada.outcome(taken.body.statusUrl);
    const theirs = [
      ['GET', taken.body.statusUrl],
      ['GET', `/api/v1/requests/${taken.body.requestId}`],
      ['GET', `/api/v1/requests/${taken.body.requestId}/events`],
      ['GET', `/api/v1/orders/${body.order.orderNo}`],
      ['POST', `/api/v1/orders/${body.order.orderNo}/cancel`],
      ['POST', `/api/v1/demo/orders/${body.order.orderNo}/pay`],
    ] as const;
    for (const [method, path] of theirs) {
      expect([path, ...verdict(await bob.call(method, path))]).toEqual([path, 404, 'not_found']);
    }
  });

  it('keeps every answer for one user out of caches', async () => {
    const ada = shopper();
    const taken = await ada.press(sale, 'TV');
    const { order } = (await ada.outcome(taken.body.statusUrl)).body;
    const calls = [
      ['GET', '/api/v1/orders'],
      ['GET', `/api/v1/orders/${order.orderNo}`],
      ['POST', `/api/v1/orders/${order.orderNo}/checkout`],
      ['GET', `/api/v1/requests/${order.requestId}`],
      ['GET', `/api/v1/requests/${order.requestId}/events`],
      ['POST', `/api/v1/orders/${order.orderNo}/cancel`],
    ] as const;
    for (const [method, path] of calls) {
      const { status, cacheControl } = await ada.call(method, path);
      expect([path, status]).toEqual([path, 200]);
      expect([path, cacheControl]).toEqual([path, expect.stringMatching(/no-store|private/)]);
    }
  });

  it('has its outcome streamed as events', async () => {
    const ada = shopper();
    const taken = await ada.press(sale, 'TV');
    const { body } = await ada.call('GET', `${taken.body.statusUrl}/events`);
    const events = String(body).match(/^data: .*$/gm) ?? [];
    const last = JSON.parse(events.at(-1)?.slice('data: '.length) ?? '{}');
    expect(last).toMatchObject({ requestId: taken.body.requestId, status: 'ordered' });
  });

  it('is not paid by a callback that is unsigned, or for another order or another amount', async () => {
    const ada = shopper();
    const { order } = (await ada.buy(sale, 'TV')).body;
    const callback = (data: object, secret = WEBHOOK_SECRET, orderNo = order.orderNo) => {
      const payload = JSON.stringify({ type: 'payment.succeeded', data });
      const sentAt = new Date();
      return ada.call('POST', `/api/v1/orders/${orderNo}/payment`, payload, {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign('msg_1', sentAt, payload),
      });
    };
    const right = { orderNo: order.orderNo, amount: '9.90', currency: 'EUR', reference: 'p1' };
    const otherSecret = `whsec_${randomBytes(32).toString('base64')}`;
    const before = await strays();
    expect((await callback(right, otherSecret)).status).toBe(403);
    expect((await callback({ ...right, amount: '0.01' })).status).toBe(400);
    expect((await callback({ ...right, orderNo: '1' })).status).toBe(400);
    expect((await callback({ ...right, currency: 'USD' })).status).toBe(400);
    const elsewhere = await callback({ ...right, installation: randomUUID() });
    expect(elsewhere.body).toEqual({ status: 'ignored', reason: 'other_installation' });
    const former = await callback({ ...right, requestId: randomUUID() });
    expect(former.body).toEqual({ status: 'ignored', reason: 'other_order' });
    expect((await ada.call('GET', `/api/v1/orders/${order.orderNo}`)).body.status).toBe('ordered');
    // The second number is one of a home that this shop does not have.
    for (const orderNo of ['99999998', '1000000004']) {
      const gone = await callback({ ...right, orderNo }, WEBHOOK_SECRET, orderNo);
      expect([orderNo, gone.status]).toEqual([orderNo, 404]);
    }
    expect((await callback(right)).body).toEqual({ orderNo: order.orderNo, status: 'paid' });
    expect((await callback(right)).body.status).toBe('paid');
    const second = (await shopper().buy(sale, 'TV')).body.order.orderNo;
    const taken = await callback({ ...right, orderNo: second }, WEBHOOK_SECRET, second);
    expect(taken.body).toEqual({ orderNo: second, status: 'reference_taken' });
    // Whatever the provider is told, money that no order got is counted, so that somebody looks.
    const after = await strays();
    const more = Object.keys(after).map((reason) => [
      reason,
      (after[reason] ?? 0) - (before[reason] ?? 0),
    ]);
    expect(Object.fromEntries(more)).toEqual({
      no_installation: 0,
      other_installation: 1,
      no_such_order: 2,
      other_order: 1,
      other_amount: 2,
      reference_taken: 1,
      refund_failed: 0,
    });
  });

  it('gets a cancelled unit, and is answered "sold out" when all units are paid', async () => {
    const [ada, bob, eve, dan] = [shopper(), shopper(), shopper(), shopper()];
    const [first, second] = await Promise.all([ada.buy(sale, 'Phone'), bob.buy(sale, 'Phone')]);
    expect([first.body.status, second.body.status]).toEqual(['ordered', 'ordered']);
    const shop = () => ada.call('GET', `/api/v1/sales/${sale}`);
    const availability = async () =>
      (await shop()).body.skus.find(({ sku }: { sku: string }) => sku === 'Phone').availability;
    await until('units may return', async () => (await availability()) === 'maybe');
    const waiting = await eve.press(sale, 'Phone');
    expect(verdict(waiting)).toEqual([429, 'quota_spent']);
    expect(Number(waiting.retryAfter)).toBeGreaterThanOrEqual(1);
    const cancel = await ada.call('POST', `/api/v1/orders/${first.body.order.orderNo}/cancel`);
    expect(cancel.body.status).toBe('cancelled');
    const third = await eve.buy(sale, 'Phone');
    expect(third.body.status).toBe('ordered');
    for (const [user, { body }] of [[bob, second] as const, [eve, third] as const]) {
      await user.call('POST', `/api/v1/demo/orders/${body.order.orderNo}/pay`);
    }
    await until('everything is paid for', async () => (await availability()) === 'sold_out');
    const ask = () => dan.call('POST', `/api/v1/sales/${sale}/tickets`, { sku: 'Phone' });
    await until('both nodes know', async () => {
      const answers = await Promise.all([ask(), ask(), ask(), ask()]);
      return answers.every((answer) => String(verdict(answer)) === '410,sold_out');
    });
  });

  it("is refused beyond the user's limit, and in the cooldown after an admission", async () => {
    const ada = shopper();
    const taken = await ada.press(sale, 'TV', { quantity: 2 });
    expect((await ada.outcome(taken.body.statusUrl)).body.order.quantity).toBe(2);
    // Presses until each node has admitted her at most once.
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => ada.press(sale, 'TV')));
    const cooling = answers.filter(({ body }) => body.verdict === 'cooldown');
    expect(cooling.length).toBeGreaterThanOrEqual(4);
    for (const { retryAfter } of cooling) expect(Number(retryAfter)).toBeLessThanOrEqual(10);
    for (const { status, body } of answers) {
      if (status === 202) {
        expect((await ada.outcome(body.statusUrl)).body.status).toBe('limit_reached');
      }
    }
  });

  it('leaves no secret, token or ticket in the logs, at the finest level', async () => {
    const ada = shopper();
    const ticket = await ada.ticket(sale, 'TV');
    await ada.call('POST', `/api/v1/buy/${ticket}x`, { quantity: 1 });
    await ada.call('POST', `/api/v1/buy/${ticket}`, '{', { 'content-type': 'text/plain' });
    const logs = ['web-1', 'web-2', 'keeper-1', 'worker-1'].map((name) => system.log(name)).join();
    expect(logs).toContain('web node listens');
    for (const secret of [
      system.jwtSecret,
      WEBHOOK_SECRET,
      ticket.split('.').at(-1) ?? '',
      'eyJ',
    ]) {
      expect(logs.includes(secret)).toBe(false);
    }
  });

  it('leaves the books right', async () => {
    expect(await audit(system.databases)).toEqual([]);
  });

  it('is described in the API document, and an unknown URL is answered with a problem document', async () => {
    const ada = shopper();
    const openapi = await ada.call('GET', '/openapi.json');
    expect(openapi.body.openapi).toBe('3.1.0');
    expect(Object.keys(openapi.body.paths)).toContain('/api/v1/buy/{ticket}');
    expect((await ada.call('GET', '/docs/')).status).toBe(200);
    expect(verdict(await ada.call('GET', '/nowhere'))).toEqual([404, 'not_found']);
    expect((await ada.call('GET', '/livez')).status).toBe(200);
    expect((await ada.call('GET', '/metrics')).body).toContain(
      '# TYPE flashsale_purchase_answers_total counter',
    );
    const page = await fetch(new URL(`/sales/${sale}`, system.url));
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const etag = page.headers.get('etag') ?? '';
    // Not by fetch: it adds `cache-control: no-cache` to a conditional request.
    const again = await request(page.url, { headers: { 'if-none-match': etag } });
    expect(again.statusCode).toBe(304);
  });
});
