import { describe, expect, test } from 'vitest';
import { eventId, isOrderNo, isRequestId, parseEventId } from '../../contracts/ids.ts';
import { SCHEMAS } from '../../contracts/names.ts';
import fc from '../properties.ts';

const numbers = fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }).map(String);

test('exactly the ids that eventId makes are parsed', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SCHEMAS), numbers, numbers, (schema, eventNo, orderNo) => {
      const id = eventId(schema, eventNo, orderNo);
      expect(parseEventId(id)).toEqual({ schema, eventNo, orderNo });
      for (const other of [id.toUpperCase(), `${id} `, `${id}.1`, id.replace('.', '.0')]) {
        expect(parseEventId(other)).toBeUndefined();
      }
    }),
  );
});

describe.each(['HOT.12', 'hot.12', 'cold.12.34', 'hot.0.34', 'hot.12.-1', 'hot.1e3.4', '12', ''])(
  '%j',
  (text) => test('is no event id', () => expect(parseEventId(text)).toBeUndefined()),
);

test('an order number has digits without a leading zero', () => {
  fc.assert(fc.property(numbers, isOrderNo));
  for (const text of ['', '0', '007', '-1', '1.0', '1e3', ' 1', '1\n', '1'.repeat(19), '１']) {
    expect(isOrderNo(text), JSON.stringify(text)).toBe(false);
  }
});

test('a request id has one spelling', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(isRequestId(id)).toBe(true);
      expect(isRequestId(id.replaceAll('-', ''))).toBe(false);
      expect(isRequestId(`{${id}}`)).toBe(false);
      expect(isRequestId(`${id}\n`)).toBe(false);
      if (id.toUpperCase() !== id) expect(isRequestId(id.toUpperCase())).toBe(false);
    }),
  );
});
