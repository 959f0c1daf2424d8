import { expect, test } from 'vitest';
import { parseShare } from '../../contracts/shares.ts';
import { shareArgument } from '../../ops/commands/arguments.ts';
import { parseShare as parseNode } from '../../zk/tree/values.ts';
import fc from '../properties.ts';

const spelled = fc
  .tuple(fc.constantFrom('0', '1'), fc.option(fc.stringMatching(/^\d{1,12}$/)))
  .map(([whole, digits]) => (digits === null ? whole : `${whole}.${digits}`));

test('a share is from 0 to 1 and is read alike everywhere', () => {
  fc.assert(
    fc.property(fc.oneof(spelled, fc.string({ maxLength: 8 })), (text) => {
      const share = parseShare(text);
      if (share === undefined) expect(() => shareArgument(text)).toThrow();
      else {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
        expect(shareArgument(text)).toBe(share);
        expect(parseNode(`${text}\n`)).toEqual({ ok: true, value: share });
      }
      if (share === undefined && text.trim() === text) expect(parseNode(text).ok).toBe(false);
    }),
  );
});

test.each([
  ['0', 0],
  ['1', 1],
  ['0.5', 0.5],
  ['1.0', 1],
  ['0.001', 0.001],
])('%s', (text, share) => expect(parseShare(text)).toBe(share));

test.each([
  '.5',
  '0.',
  '00.5',
  '01',
  '1.1',
  '2',
  '-0',
  '+1',
  '5e-1',
  '50%',
  '0,5',
  '',
  ' 0.5',
  'NaN',
])('%j is none', (text) => expect(parseShare(text)).toBeUndefined());
