import { expect, it } from 'vitest';
import { maskedAddress } from '../../contracts/email-address.ts';

it.each([
  ['ann.lee@mail.example', 'a…@mail.example'],
  ['jo@mail.example', 'j…@mail.example'],
  // One letter is all of the local part.
  ['j@mail.example', '…@mail.example'],
])('%s is shown as %s', (address, shown) => {
  expect(maskedAddress(address)).toBe(shown);
});
