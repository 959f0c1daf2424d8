import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LiveView } from '../../ops/live/view.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Caller, type Console, PEOPLE, signInAll, startConsole, type Who } from './place.ts';

/** The console's API beside the whole system: signing in, roles, the live view, steering, history. */

let system: System;
let place: Console;
let sale: string;
let monitors: string;
const sku = uniqueName('TV');
let people: Record<Who, Caller>;

beforeAll(async () => {
  system = await startSystem({ webNodes: 2 });
  sale = await system.createSale([{ sku, units: 20 }]);
  monitors = ['web-1', 'web-2'].map((name) => system.monitorUrl(name)).join(',');
  place = await startConsole(system, () => ({ WEB_MONITORS: monitors }));
  people = await signInAll(place);
});
afterAll(() => system?.stop());

/** The first view for which `test` returns something. */
async function seen<T>(
  caller: Caller,
  test: (view: LiveView) => T | undefined | false,
): Promise<T> {
  const abort = new AbortController();
  try {
    for await (const { event, data } of caller.live(abort.signal)) {
      const found = event === 'view' && test(data as LiveView);
      if (found) return found;
    }
  } finally {
    abort.abort();
  }
  throw new Error('the stream has ended');
}

const skuOf = ({ skus }: LiveView) => skus.find((one) => one.sku === sku);

describe('the live view', () => {
  it('shows units, presses, answers, times, queues and nodes as they are', async () => {
    const answers = seen(people.viewer, (view) => {
      const rates = view.answers?.perSecond ?? {};
      return (rates['queued'] ?? 0) > 0 && view.answers?.decided ? view : false;
    });
    const buyers = Array.from({ length: 3 }, () => new Shopper(system.url, system.jwtSecret));
    // Orders go on until the stream has shown them, whenever its looks are.
    let isSeen = false;
    void answers.then(() => {
      isSeen = true;
    });
    const bought = await Promise.all(buyers.map((buyer) => buyer.buy(sale, sku)));
    expect(bought.map(({ body }) => body.status)).toEqual(['ordered', 'ordered', 'ordered']);
    let others = 0;
    while (!isSeen && others < 14) {
      others += 1;
      await new Shopper(system.url, system.jwtSecret).buy(sale, sku);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const view = await answers;
    expect(view.missing).toEqual([]);
    expect(view.answers).toMatchObject({ monitors: 2, monitorsAnswering: 2 });
    expect(view.answers?.decided?.p99).toBeGreaterThan(0);
    expect(view.queues.map(({ queue }) => queue)).toContain('orders.hot');
    expect(view.nodes.filter(({ isAlive }) => isAlive)).toHaveLength(2);

    const orders = 3 + others;
    const now = await seen(people.viewer, (later) => {
      const one = skuOf(later);
      // The count of unpaid orders is older than the units that are held.
      const unpaid = later.stranded.find(({ cause }) => cause === 'unpaid')?.units;
      return one?.held === orders && one.admitted === orders && unpaid === orders && later;
    });
    expect(skuOf(now)).toMatchObject({
      ...{ sale, total: 20, free: 20 - orders, held: orders, sold: 0, waitlisted: 0 },
      ...{ quota: '20', state: 'open', share: 1, isAutomatic: false, granted: 20 },
    });
    expect(now.nodes.every(({ late }) => late.length === 0)).toBe(true);
  });

  it('is collected once a second however many look, and never when nobody looks', async () => {
    const looks = async () => {
      const text = await system.metrics('console');
      return Number(/^flashsale_console_looks\{.*\} (\d+)$/m.exec(text)?.[1]);
    };
    const viewers = async () => {
      const text = await system.metrics('console');
      return Number(/^flashsale_console_viewers\{.*\} (\d+)$/m.exec(text)?.[1]);
    };
    await until('nobody looks', async () => (await viewers()) === 0);
    const before = await looks();
    const three = Array.from({ length: 3 }, async () => {
      const times: string[] = [];
      await seen(people.viewer, ({ at }) => times.push(at) === 3);
      return times;
    });
    const times = await Promise.all(three);
    await until('nobody looks again', async () => (await viewers()) === 0);
    // Each of the three saw three looks; those who came first waited for the others.
    expect(new Set(times.flat()).size).toBeLessThanOrEqual(5);
    const after = await looks();
    expect(after - before).toBeLessThanOrEqual(7);
    // Longer than two looks.
    await system.createSale([{ sku: uniqueName('Phone'), units: 1 }]);
    expect(await looks()).toBeLessThanOrEqual(after + 1);
  });

  it('has 20 places for one person, so that nobody takes all of them', async () => {
    const leaving = new AbortController();
    const views = Array.from({ length: 20 }, () => people.support.live(leaving.signal));
    await Promise.all(views.map((view) => view.next()));
    const refused = await people.support.call('GET', '/api/live');
    expect(refused).toMatchObject({ status: 503, json: { verdict: 'too_many_viewers' } });
    await seen(people.viewer, () => true);
    leaving.abort();
    await until('there is room again', async () => {
      try {
        await seen(people.support, () => true);
        return true;
      } catch {
        return false;
      }
    });
  });

  it('ends when the session ends', async () => {
    const caller = new Caller(place.url);
    await caller.signIn(place.tokens.viewer);
    const ended = seen(caller, () => undefined);
    await caller.call('DELETE', '/api/session');
    await expect(ended).rejects.toThrow('the stream has ended');
    expect((await caller.call('GET', '/api/live')).status).toBe(401);
  });
});

describe('steering', () => {
  it('makes the edit of the command, with what the nodes acknowledged and a reason', async () => {
    const body = { sku, value: 'paused', reason: 'a wrong picture' };
    const paused = await people.operator.call('POST', '/api/edits/state', body);
    const path = system.paths.sku(sku).state;
    expect(paused).toMatchObject({
      status: 200,
      json: { path, from: 'open', to: 'paused', nodes: 2, notApplied: [] },
    });
    expect(await seen(people.viewer, (view) => skuOf(view)?.state === 'paused')).toBe(true);

    // An edit by hand is in the same history.
    await system.set(system.paths.sku(sku).quota, '15');
    const history = await until('the keeper has seen the edit', async () => {
      const { json } = await people.support.call('GET', '/api/history');
      return json.entries[0]?.to === '15' && json;
    });
    expect(history.missing).toEqual([]);
    expect(history.entries.slice(0, 2)).toMatchObject([
      { who: 'by hand', action: 'edit', from: '20', to: '15', why: null },
      {
        who: 'operator',
        action: 'edit',
        target: path,
        from: 'open',
        to: 'paused',
        why: body.reason,
      },
    ]);
    for (const [from, to] of [
      ['15', '20'],
      ['paused', 'open'],
    ]) {
      const { edit } = (await people.operator.call('GET', '/api/edits/last')).json;
      expect(edit).toMatchObject({ from: to, to: from });
      const undone = await people.operator.call('POST', '/api/edits/undo', { edit: edit.id });
      expect(undone).toMatchObject({ status: 200, json: { from, to, notApplied: [] } });
    }
  });

  it('undoes only the edit that was seen, not one that another person made since', async () => {
    const shed = (value: string) => people.operator.call('POST', '/api/edits/shed', { value });
    await shed('lottery');
    const { edit: seenEdit } = (await people.operator.call('GET', '/api/edits/last')).json;
    const undo = (who: 'operator' | 'boss') =>
      people[who].call('POST', '/api/edits/undo', { edit: seenEdit.id });
    expect((await undo('boss')).status).toBe(200);
    const twice = await undo('operator');
    expect(twice).toMatchObject({ status: 409, json: { verdict: 'refused' } });
    await shed('lottery');
    const refused = await undo('operator');
    expect(refused.status).toBe(409);
    expect(refused.json.detail).toMatch(
      /^the last edit is another one by now, of .*\/shed by operator/,
    );
    const { edit } = (await people.operator.call('GET', '/api/edits/last')).json;
    await people.operator.call('POST', '/api/edits/undo', { edit: edit.id });
    expect((await people.operator.call('POST', '/api/edits/undo', {})).status).toBe(400);
  });

  it('says in words why an edit is refused, and changes nothing', async () => {
    const refused = await people.operator.call('POST', '/api/edits/quota', { sku, value: 'many' });
    expect(refused).toMatchObject({ status: 409, json: { verdict: 'refused' } });
    expect(refused.json.detail).toContain('it is not a decimal integer');
    const strange = await people.operator.call('POST', '/api/edits/quota', {
      sku: uniqueName('Boat'),
      value: '1',
    });
    expect(strange.json.detail).toMatch(/^there is no SKU Boat_/);
    expect((await people.operator.call('POST', '/api/edits/quota', { sku })).status).toBe(400);
  });

  it('steers shares, challenges, pins and lists', async () => {
    const edit = async (kind: string, body: object) => {
      const { status, json } = await people.operator.call('POST', `/api/edits/${kind}`, body);
      expect([kind, status, json.notApplied]).toEqual([kind, 200, []]);
    };
    const [node] = await seen(people.viewer, ({ nodes }) => nodes.map((one) => one.node));
    await edit('keep', { value: '0.5' });
    await edit('keep', { sku, value: '0.25' });
    await edit('challenge', { sku, value: 'on 2' });
    await edit('shed', { value: 'lottery' });
    await edit('pin', { sku, node, value: '3' });
    await edit('list-add', { list: 'block/users', entries: ['bot-1', 'bot-2'] });
    await edit('list-remove', { list: 'block/users', entries: ['bot-1'] });
    const view = await seen(people.viewer, (one) => one.shed === 'lottery' && one);
    expect(view).toMatchObject({ keep: '0.5', challenge: null });
    const shown = { share: 0.25, challenge: 'on 2', pins: { [node ?? '']: '3' } };
    expect(skuOf(view)).toMatchObject(shown);
    const { json } = await people.operator.call('GET', '/api/lists');
    const blocked = json.lists.find(({ list }: { list: string }) => list === 'block/users');
    expect(blocked).toEqual({ list: 'block/users', entries: ['bot-2'] });
    await edit('keep', { sku, value: null });
    await edit('pin', { sku, node, value: null });
    // Shoppers of later tests are not shed.
    await edit('keep', { value: '1' });
    await edit('challenge', { sku, value: null });
  });

  it('turns a waitlist off and on, and sets the time to pay after waiting', async () => {
    const waiting = `/api/v1/sales/${sale}/skus/${sku}/waiting`;
    const ask = async () =>
      (await new Shopper(system.url, system.jwtSecret).call('POST', waiting, {})).body.verdict;
    const turn = (value: string) =>
      people.operator.call('POST', '/api/edits/waitlist', { sku, value, reason: 'few units' });
    expect((await turn('perhaps')).json.detail).toContain('it is none of on, off');
    expect((await turn('off')).json).toMatchObject({ to: 'off', nodes: 2, notApplied: [] });
    expect(await ask()).toBe('no_waitlist');
    const shown = await fetch(`${system.url}/api/v1/sales/${sale}`);
    expect(await shown.json()).toMatchObject({ skus: [{ waitlist: 'off' }] });
    expect((await turn('on')).json).toMatchObject({ from: 'off', to: 'on', notApplied: [] });
    expect(await ask()).toBe('units_available');

    const set = (body: object) => people.operator.call('POST', '/api/claim-window', body);
    for (const reason of [undefined, ' ', 'a\u0000']) {
      expect((await set({ sale, value: '2h', reason })).status).toBe(400);
    }
    const why = { reason: 'they sleep' };
    expect((await set({ sale, value: '31d', ...why })).json.detail).toContain('1s to 30d');
    expect((await set({ sale: 'none', value: '2h', ...why })).json.detail).toContain('no sale');
    expect((await set({ sale, value: '2h', ...why })).json).toEqual({ sale, value: '2h' });
    const row = await seen(people.viewer, (view) => {
      const one = skuOf(view);
      return one?.claimSeconds === 7_200 && one;
    });
    const none = { waitlisted: 0, waitlistServed: 0, waitlistHeld: 0 };
    expect(row).toMatchObject({ waitlist: 'on', ...none });
    const { json } = await people.support.call('GET', '/api/history');
    expect(json.entries).toContainEqual(
      expect.objectContaining({ who: 'operator', action: 'change', why: why.reason }),
    );
    expect((await set({ sale, value: null, ...why })).json).toEqual({ sale, value: null });
  });
});

describe('roles', () => {
  const edits = ['quota', 'state', 'keep', 'challenge', 'shed', 'waitlist', 'pin', 'undo'];
  const routes: [string, string, readonly Who[]][] = [
    ...[...edits, 'list-add', 'list-remove'].map((kind): [string, string, readonly Who[]] => [
      'POST',
      `/api/edits/${kind}`,
      ['operator'],
    ]),
    ['POST', '/api/claim-window', ['operator']],
    ['GET', '/api/lists', ['operator']],
    ['GET', '/api/edits/last', ['operator']],
    ['GET', '/api/history', ['support', 'operator', 'merchant']],
  ];

  it.each(routes)('%s %s is refused to all but %j', async (method, path, allowed) => {
    const body = method === 'POST' ? { nonsense: true } : undefined;
    for (const who of PEOPLE) {
      const answer = await people[who].call(method, path, body);
      if (who === 'boss' || allowed.includes(who)) {
        expect(answer.json.verdict).not.toBe('forbidden');
        continue;
      }
      expect(answer).toMatchObject({ status: 403, json: { verdict: 'forbidden' } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
    const stranger = new Caller(place.url);
    expect((await stranger.call(method, path, body)).status).toBe(401);
  });

  it('a change needs the Origin of the console and the token of the session', async () => {
    const boss = people.boss;
    const change = { value: 'random' };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'x-csrf-token': '' },
      { 'x-csrf-token': people.operator.csrf },
      { 'x-csrf-token': 'ä'.repeat(boss.csrf.length) },
    ]) {
      const answer = await boss.call('POST', '/api/edits/shed', change, headers);
      expect(answer).toMatchObject({ status: 403, json: { verdict: 'foreign_origin' } });
    }
    expect((await boss.call('POST', '/api/edits/shed', change)).status).toBe(200);
  });
});

describe('signing in', () => {
  it('sets a cookie that no script and no other site gets, until one signs out', async () => {
    const caller = new Caller(place.url);
    const answer = await caller.signIn(place.tokens.support);
    expect(answer).toMatchObject({ status: 201, json: { login: 'support', roles: ['support'] } });
    const cookie = answer.headers.getSetCookie()[0] ?? '';
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=28800']) {
      expect(cookie.split('; ')).toContain(attribute);
    }
    expect(cookie).not.toContain(place.tokens.support);
    expect((await caller.call('GET', '/api/session')).json.login).toBe('support');
    expect((await caller.call('DELETE', '/api/session')).status).toBe(204);
    expect((await caller.call('GET', '/api/session')).status).toBe(401);
  });

  it('ends the session that the browser had before', async () => {
    const caller = new Caller(place.url);
    await caller.signIn(place.tokens.support);
    const { cookie, csrf } = caller;
    await caller.signIn(place.tokens.viewer);
    expect((await caller.call('GET', '/api/session')).json.login).toBe('viewer');
    Object.assign(caller, { cookie, csrf });
    expect((await caller.call('GET', '/api/session')).status).toBe(401);
  });

  it('logs each refused change with the person, and nothing of what it was about', async () => {
    const body = { sku, value: '1', reason: 'an attempt' };
    await people.support.call('POST', '/api/edits/quota', body);
    await people.operator.call('POST', '/api/edits/quota', { ...body, value: 'many' });
    const escaping = { ...body, reason: 'a title for the terminal: \u001b]0;x\u0007' };
    const answer = await people.operator.call('POST', '/api/edits/quota', escaping);
    expect(answer).toMatchObject({ status: 400, json: { verdict: 'bad_request' } });
    const told = await until('the log has them', () => {
      // The first line of the tail may be cut.
      const lines = system.log('console').split('\n').slice(1);
      const refusals = lines.filter((line) => line.includes('a call was refused')).map(parsed);
      for (const [login, verdict] of [
        ['support', 'forbidden'],
        ['operator', 'refused'],
        ['operator', 'bad_request'],
      ]) {
        const refusal = { login, method: 'POST', route: '/api/edits/quota', verdict };
        expect(refusals).toContainEqual(expect.objectContaining(refusal));
      }
      return refusals;
    });
    expect(JSON.stringify(told)).not.toMatch(/an attempt|many/);
  });

  it('gives pages a strict policy, and nothing else to strangers', async () => {
    const stranger = new Caller(place.url);
    for (const path of ['/', '/steering', '/customers', '/history', '/login', '/uplot/uplot.js']) {
      const page = await stranger.call('GET', path);
      expect([path, page.status]).toEqual([path, 200]);
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy).not.toContain('unsafe');
    }
    for (const path of ['/package.json', '/../package.json', '/js/', '/api/nothing']) {
      expect([path, (await stranger.call('GET', path)).status]).toEqual([path, 404]);
    }
  });

  it('lets nobody keep an answer of the API', async () => {
    for (const path of ['/api/session', '/api/lists', '/api/history']) {
      const answer = await people.boss.call('GET', path);
      expect(answer).toMatchObject({ status: 200 });
      expect([path, answer.headers.get('cache-control')]).toEqual([path, 'no-store']);
    }
    const page = await people.boss.call('GET', '/steering');
    expect(page.headers.get('cache-control')).toBe('no-cache');
  });

  it('refuses unknown tokens, and all of them after ten failures', async () => {
    const stranger = new Caller(place.url);
    const wrong = `${place.tokens.boss}x`;
    for (let n = 0; n < 10; n += 1) {
      const refused = await stranger.signIn(wrong);
      expect(refused).toMatchObject({ status: 401, json: { verdict: 'token_unknown' } });
    }
    const limited = await stranger.signIn(place.tokens.boss);
    expect(limited).toMatchObject({ status: 429, json: { verdict: 'rate_limited' } });
    expect(limited.headers.get('retry-after')).toBe('60');
  });
});

describe('flashsale top', () => {
  const top = async (...options: string[]) => {
    const env = { ...system.environment, WEB_MONITORS: monitors };
    const args = ['ops/cli.ts', 'top', '--once', ...options];
    return (await promisify(execFile)(process.execPath, args, { env })).stdout;
  };

  it('shows the same in a terminal, as text and as JSON', async () => {
    const [text, json] = await Promise.all([top(), top('--json')]);
    expect(text).toMatch(/presses \d.*kept \d.*orders \d/);
    expect(text).toMatch(new RegExp(`^${sku} +open`, 'm'));
    expect(text).toMatch(/^web-\S+ .*applied$/m);
    const view = JSON.parse(json) as LiveView;
    expect(skuOf(view)).toMatchObject({ total: 20, state: 'open' });
    expect(view.answers).toMatchObject({ monitors: 2, monitorsAnswering: 2 });
    expect(view.missing).toEqual([]);
  });
});

function parsed(line: string): unknown {
  return JSON.parse(line);
}
