import { randomBytes } from 'node:crypto';
import { type Challenge, createChallenge, type Solution, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CHALLENGE_TTL_MS } from '../../../server/gate/proof-of-work.ts';
import { openWebNode, rowOnSale, type WebNode } from '../web-node.ts';

/** Proofs of work before a ticket: when they are required, and what is not accepted as one. */

const HOUR_MS = 3_600_000;
const BROWSER = {
  'user-agent': 'Mozilla/5.0',
  accept: 'application/json',
  'accept-language': 'en',
};

let node: WebNode;
beforeEach(async () => {
  node = await openWebNode();
  node.world.challenge = { mode: 'on', factor: 1 };
});
afterEach(async () => {
  vi.useRealTimers();
  await node.close();
});

function post(path: string, user: string, payload: object, headers: object = BROWSER) {
  return node.app.inject({
    method: 'POST',
    url: `/api/v1/sales/demo/${path}`,
    headers: { ...headers, authorization: `Bearer ${node.tokenOf(user)}` },
    payload,
  });
}
const askTicket = (user: string, challenge?: string, headers: object = BROWSER) =>
  post('tickets', user, { sku: 'TV', ...(challenge !== undefined && { challenge }) }, headers);

async function challengeFor(user: string): Promise<Challenge> {
  const answer = await askTicket(user);
  expect(answer.json()).toMatchObject({
    status: 403,
    verdict: 'ticket_invalid',
    reason: 'challenge_required',
    causes: ['operator'],
    challengeUrl: '/api/v1/sales/demo/challenges',
  });
  return answer.json().challenge;
}

async function solve(challenge: Challenge): Promise<Solution> {
  const solution = await solveChallenge({ challenge, deriveKey });
  if (solution === null) throw new Error('not solved');
  return solution;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const solved = async (challenge: Challenge) =>
  encode({ challenge, solution: await solve(challenge) });

describe('a challenge', () => {
  it('that is solved gets one ticket, which is good for a purchase', async () => {
    const text = await solved(await challengeFor('ada'));
    const answer = await askTicket('ada', text);
    expect(answer.statusCode).toBe(201);
    const press = await node.app.inject({
      method: 'POST',
      url: answer.json().purchaseUrl,
      headers: { authorization: `Bearer ${node.tokenOf('ada')}` },
      payload: { quantity: 1 },
    });
    expect(press.statusCode).toBe(202);
    expect((await askTicket('ada', text)).json().reason).toBe('challenge_used');
  });

  it('is good once, also when it arrives many times at once or in another spelling', async () => {
    const challenge = await challengeFor('ada');
    const solution = await solve(challenge);
    const spellings = Array.from({ length: 10 }, (_, time) =>
      encode({ challenge, solution: { ...solution, time }, x: time }),
    );
    const answers = await Promise.all(spellings.map((text) => askTicket('ada', text)));
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ statusCode }) => statusCode !== 201)) {
      expect(answer.json().reason).toBe('challenge_used');
      // Each refusal has a new challenge.
      expect(answer.json().challenge.parameters.nonce).not.toBe(challenge.parameters.nonce);
    }
  });

  it('can be requested in advance, but not before the sale opens', async () => {
    const answer = await post('challenges', 'ada', { sku: 'TV' });
    expect(answer.statusCode).toBe(201);
    expect((await askTicket('ada', await solved(answer.json()))).statusCode).toBe(201);
    node.world.row = rowOnSale({ opensAt: new Date(Date.now() + HOUR_MS) });
    await node.refresh();
    const early = await post('challenges', 'ada', { sku: 'TV' });
    expect(early.json().verdict).toBe('not_open');
    expect((await post('challenges', 'ada', { sku: 'Car' })).statusCode).toBe(404);
  });

  it('that took less work than is asked for now gets another one', async () => {
    // Solved in advance, while nobody had to solve any.
    node.world.challenge = { mode: 'risk', factor: 1 };
    const early = await solved((await post('challenges', 'ada', { sku: 'TV' })).json());
    node.world.challenge = { mode: 'on', factor: 2 };
    const answer = await askTicket('ada', early);
    expect(answer.json().reason).toBe('challenge_required');
    const enough = await solved(answer.json().challenge);
    // Less is asked for again.
    node.world.challenge = { mode: 'on', factor: 1 };
    expect((await askTicket('ada', enough)).statusCode).toBe(201);
  });

  it('that is requested in advance is as hard as the operators say', async () => {
    node.world.challenge = { mode: 'risk', factor: 2 };
    const inAdvance = await solved((await post('challenges', 'ada', { sku: 'TV' })).json());
    const program = { 'user-agent': '' };
    const refused = await askTicket('ada', undefined, program);
    expect(refused.json().reason).toBe('challenge_required');
    expect((await askTicket('ada', inAdvance, program)).statusCode).toBe(201);
  });

  it('stays valid when the ticket key is rotated, but not when it is revoked', async () => {
    const [first, second] = [await challengeFor('ada'), await challengeFor('ada')];
    const { world } = node;
    const rotate = async (isRevoked: boolean) => {
      world.ticketKeys = [
        ...world.ticketKeys.map((key) => ({ ...key, retiredAt: new Date(), isRevoked })),
        { id: 9, key: randomBytes(32), retiredAt: undefined, isRevoked: false },
      ];
      world.ticketEpoch += 1;
      await node.refresh();
    };
    await rotate(false);
    expect((await askTicket('ada', await solved(first))).statusCode).toBe(201);
    await rotate(true);
    expect((await askTicket('ada', await solved(second))).json().reason).toBe('challenge_failed');
  });
});

describe('the solution of a challenge', () => {
  it('is refused for another user or SKU, or with another secret', async () => {
    const text = await solved(await challengeFor('bob'));
    expect((await askTicket('ada', text)).json().reason).toBe('challenge_failed');
    // The attempt did not use the challenge up.
    expect((await askTicket('bob', text)).statusCode).toBe(201);

    const ofTv = await solved(await challengeFor('ada'));
    node.world.row = rowOnSale({ sku: 'Phone' });
    await node.refresh();
    const forPhone = await post('tickets', 'ada', { sku: 'Phone', challenge: ofTv });
    expect(forPhone.json().reason).toBe('challenge_failed');

    const own = await createChallenge({
      algorithm: 'PBKDF2/SHA-256',
      cost: 1,
      counter: 1,
      deriveKey,
      expiresAt: new Date(Date.now() + 60_000),
      hmacSignatureSecret: 'mine',
      hmacKeySignatureSecret: 'mine',
    });
    const forged = await post('tickets', 'ada', { sku: 'Phone', challenge: await solved(own) });
    expect(forged.json().reason).toBe('challenge_failed');
  });

  it('is refused when the challenge was made easier or the answer was guessed', async () => {
    const challenge = await challengeFor('ada');
    const solution = await solve(challenge);
    const { parameters } = challenge;
    const changed: [string, object][] = [
      ['cost', { cost: 1 }],
      ['prefix', { keyPrefix: '00' }],
      ['algorithm', { algorithm: 'SHA-256' }],
      ['no key signature', { keySignature: undefined }],
      ['longer life', { expiresAt: (parameters.expiresAt ?? 0) + 1_000 }],
      ['key length', { keyLength: 1 }],
      ['further', { data: { user: 'ada' } }],
      ['more work', { data: { rounds: 128_000 } }],
    ];
    for (const [what, changes] of changed) {
      const easier = { ...challenge, parameters: { ...parameters, ...changes } };
      const answer = await askTicket('ada', encode({ challenge: easier, solution }));
      expect([what, answer.json().reason]).toEqual([what, 'challenge_failed']);
    }
    const guesses: unknown[] = [
      { challenge, solution: { ...solution, derivedKey: '00'.repeat(32) } },
      { challenge, solution: { counter: solution.counter, derivedKey: '' } },
      { challenge: { ...challenge, signature: '00'.repeat(32) }, solution },
      { challenge: { parameters }, solution },
      { challenge },
      { verificationData: 'verified=true', verified: true, signature: 'x', algorithm: 'SHA-256' },
      [],
      null,
      'x',
    ];
    for (const guess of guesses) {
      expect((await askTicket('ada', encode(guess))).json().reason).toBe('challenge_failed');
    }
    const bits = Buffer.from(encode({ challenge, solution }));
    for (let at = 0; at < bits.length; at += 37) {
      const flipped = Buffer.from(bits);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect((await askTicket('ada', flipped.toString('latin1'))).statusCode).not.toBe(201);
    }
  });

  it.each([
    ['nothing', ''],
    ['garbage', '%%%'],
    ['a prototype', encode({ __proto__: { challenge: 1 } })],
    ['1,400 levels', encode(JSON.parse(`${'['.repeat(1_400)}${']'.repeat(1_400)}`))],
    ['NUL and CRLF', '\0\r\nx: y'],
  ])('is refused when it is %s', async (_, text) => {
    expect((await askTicket('ada', text)).json().reason).toBe('challenge_failed');
  });

  it('is refused when it is too long or not a text', async () => {
    expect((await askTicket('ada', 'x'.repeat(4_097))).json().verdict).toBe('bad_request');
    const answer = await post('tickets', 'ada', { sku: 'TV', challenge: { x: 1 } });
    expect(answer.json().verdict).toBe('bad_request');
  });

  it('is refused when it comes too late', async () => {
    const text = await solved(await challengeFor('ada'));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + CHALLENGE_TTL_MS + 2_000 });
    expect((await askTicket('ada', text)).json().reason).toBe('challenge_expired');
  });
});

describe('the request for a challenge', () => {
  it('is made to nobody while the switch is off, whatever is sent', async () => {
    node.world.challenge = { mode: 'off', factor: 1 };
    expect((await askTicket('ada')).statusCode).toBe(201);
    expect((await askTicket('ada', 'garbage')).statusCode).toBe(201);
    expect((await askTicket('bot', undefined, {})).statusCode).toBe(201);
  });

  it('is made in risk mode to clients that look like programs, and names the cause', async () => {
    node.world.challenge = { mode: 'risk', factor: 1 };
    expect((await askTicket('ada')).statusCode).toBe(201);
    const bot = await askTicket('bot', undefined, { 'user-agent': '' });
    expect(bot.json()).toMatchObject({ verdict: 'ticket_invalid', causes: ['missing_headers'] });
    expect(bot.json().detail).toMatch(/leaves out what browsers say/);
    // The risk increases the work and refuses nobody: with the solution, the ticket is given.
    const text = await solved(bot.json().challenge);
    expect((await askTicket('bot', text, { 'user-agent': '' })).statusCode).toBe(201);
  });

  it('is not made to users on the allow list', async () => {
    node.world.allowed.push('ada');
    expect((await askTicket('ada')).statusCode).toBe(201);
  });

  it('is counted by cause, and so is its result', async () => {
    await askTicket('bot', await solved((await askTicket('bot', undefined, {})).json().challenge));
    await askTicket('ada', 'garbage');
    const text = await node.context.metrics.text();
    for (const event of ['issued', 'required', 'solved', 'failed']) {
      expect(text).toMatch(
        new RegExp(`flashsale_challenges_total\\{event="${event}"[^}]*\\} [1-9]`),
      );
    }
    expect(text).toMatch(/flashsale_risk_causes_total\{cause="missing_headers"[^}]*\} [1-9]/);
    expect(text).toMatch(/flashsale_risk_score_count(\{[^}]*\})? [1-9]/);
  });
});
