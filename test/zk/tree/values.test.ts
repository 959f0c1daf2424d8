import { expect, test } from 'vitest';
import { encodePath } from '../../../zk/tree/paths.ts';
import {
  parseChallenge,
  parseKeep,
  parseShare,
  parseState,
  parseUnits,
} from '../../../zk/tree/values.ts';

test.each([
  ['0', 0],
  ['500', 500],
  ['500\n', 500],
  ['007', 7],
  ['2147483647', 2_147_483_647],
])('units %j are %d', (text, value) => {
  expect(parseUnits(text)).toEqual({ ok: true, value });
});

test.each([
  ['abc', /decimal integer/],
  ['-1', /negative/],
  ['1e9', /decimal integer/],
  ['12,5', /decimal integer/],
  ['12.5', /decimal integer/],
  ['+5', /decimal integer/],
  ['0x10', /decimal integer/],
  ['٣', /decimal integer/],
  ['', /empty/],
  ['  ', /empty/],
  ['2147483648', /larger than 2147483647/],
  ['9'.repeat(1_000_000), /1000000 characters/],
])('units %.20j are refused in words', (text, reason) => {
  expect(parseUnits(text)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
});

test.each([
  ['0', 0],
  ['1', 1],
  ['0.25', 0.25],
  ['1.0', 1],
])('a share %j is %d', (text, value) => {
  expect(parseShare(text)).toEqual({ ok: true, value });
});

test.each(['1.01', '-0.1', '0,5', '50%', '.5', '1e-1', 'all', ''])(
  'a share %j is refused',
  (text) => expect(parseShare(text).ok).toBe(false),
);

test.each([
  ['', 'it is empty'],
  ['2', 'it is not a decimal from 0 to 1 (such as 0.25) or the word auto'],
  ['automatic', 'it is not a decimal from 0 to 1 (such as 0.25) or the word auto'],
])('a kept share %j is refused in a sentence', (text, reason) => {
  expect(parseKeep(text)).toEqual({ ok: false, reason });
});

test('a state must be spelled exactly', () => {
  expect(parseState('paused')).toEqual({ ok: true, value: 'paused' });
  expect(parseState('Open')).toMatchObject({ reason: 'it is none of open, paused, closed' });
});

test.each([
  ['off', { mode: 'off', factor: 1 }],
  [' risk\n', { mode: 'risk', factor: 1 }],
  ['on 4', { mode: 'on', factor: 4 }],
  ['on,4', { mode: 'on', factor: 4 }],
  ['risk, 2', { mode: 'risk', factor: 2 }],
  ['risk\t64', { mode: 'risk', factor: 64 }],
])('a challenge switch %j is %j', (text, value) => {
  expect(parseChallenge(text)).toEqual({ ok: true, value });
});

test.each([
  ['On', /none of off, risk, on/],
  ['on 0', /from 1 to 64/],
  ['on,', /from 1 to 64/],
  ['on,4,4', /none of/],
  ['on 65', /from 1 to 64/],
  ['on -1', /from 1 to 64/],
  ['on 1.5', /from 1 to 64/],
  ['on 4 4', /none of/],
  ['', /empty/],
])('a challenge switch %j is refused in words', (text, reason) => {
  expect(parseChallenge(text)).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
});

test('a path is encoded as one node name', () => {
  expect(encodePath('/flashsale/skus/TV/quota')).toBe('!flashsale!skus!TV!quota');
});
