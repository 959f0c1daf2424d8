import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { issueTicket } from '../../../server/gate/ticket.ts';
import { issueReceipt, readReceipt } from '../../../server/requests/receipt.ts';

const key = randomBytes(32);
const keyOf = (sale: string) => (sale === 'demo' ? key : undefined);
const request = { requestId: '00000000-0000-4000-8000-000000000001', userId: 'ada' };

it('a receipt proves what the node knew, to its owner, for its request', () => {
  const taken = { sale: 'demo', ...request };
  const unknown = { ...taken, unknownAt: 'web-1.x-abc' };
  expect(readReceipt(keyOf, issueReceipt(key, taken), request)).toEqual(taken);
  expect(readReceipt(keyOf, issueReceipt(key, unknown), request)).toEqual(unknown);
  const proof = issueReceipt(key, taken);
  expect(readReceipt(keyOf, proof, { ...request, userId: 'bob' })).toBeUndefined();
  expect(readReceipt(keyOf, `${proof}.web-1`, request)).toBeUndefined();
  expect(readReceipt(keyOf, proof.replace('demo', 'other'), request)).toBeUndefined();
  // Leaving the node out does not turn an unknown request into a taken one.
  const [sale, signature] = issueReceipt(key, unknown).split('.');
  expect(readReceipt(keyOf, `${sale}.${signature}`, request)).toBeUndefined();
});

it('a receipt is not a ticket of the same key, whatever the sale, SKU and user are named', () => {
  const [, expiry = '', id = '', signature] = issueTicket(
    key,
    { sale: 'receipt', userId: request.requestId },
    'demo',
    Date.now(),
  ).split('.');
  const owner = { requestId: request.requestId, userId: expiry };
  expect(readReceipt(keyOf, `demo.${signature}.${id}`, owner)).toBeUndefined();
});
