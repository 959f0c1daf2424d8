import encodeQR from 'qr';
import { expect, it, vi } from 'vitest';
import { doorKeyOf } from '../../../contracts/door-code.ts';
import { codesOf } from '../../../server/orders/codes.ts';

vi.mock('qr', async (original) => {
  const { default: encode } = await original<typeof import('qr')>();
  return { default: vi.fn(encode) };
});

it('codes that are asked for again and again are made once, and are those of their key and order', () => {
  const units = Array.from({ length: 100 }, (_, at) => ({ position: at + 1, seat: `${at + 1}` }));
  const [key, other] = [doorKeyOf(Buffer.alloc(32, 1)), doorKeyOf(Buffer.alloc(32, 2))];
  const first = codesOf(key, '1000000002', units);
  expect(codesOf(key, '1000000002', units)).toEqual(first);
  expect(encodeQR).toHaveBeenCalledTimes(100);
  const others = [codesOf(key, '1000000004', units), codesOf(other, '1000000002', units)];
  expect(new Set([first, ...others].flat().map(({ code }) => code)).size).toBe(300);
});
