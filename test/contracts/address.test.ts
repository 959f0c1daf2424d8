import { describe, expect, it } from 'vitest';
import { addressOf, networkOf, rangeOf } from '../../contracts/address.ts';

describe('an address', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['198.51.100.7:40001', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::ffff:c633:6407', '198.51.100.7'],
    ['::FFFF:C633:6407', '198.51.100.7'],
    ['0:0:0:0:0:ffff:c633:6407', '198.51.100.7'],
    ['[::ffff:c633:6407]:443', '198.51.100.7'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
  ])('%s is %s', (text, address) => {
    expect(addressOf(text)).toBe(address);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    'shop.example',
    '127.1',
    '0x7f.0.0.1',
    '010.0.0.1',
    '198.51.100.256',
    '198.51.100.7:',
    '198.51.100.7:123456',
    '[198.51.100.7',
    '2001:db8::1::2',
    '198.51.100.7, 198.51.100.8',
  ])('is not %j', (text) => {
    expect(addressOf(text)).toBeUndefined();
  });
});

describe('a range', () => {
  it.each([
    ['10.0.0.0/8', { address: '10.0.0.0', bits: 8, family: 'ipv4' }],
    ['198.51.100.7', { address: '198.51.100.7', bits: 32, family: 'ipv4' }],
    ['198.51.100.7:40001', { address: '198.51.100.7', bits: 32, family: 'ipv4' }],
    ['::ffff:c633:6400/120', { address: '198.51.100.0', bits: 24, family: 'ipv4' }],
    ['2001:DB8::/32', { address: '2001:db8::', bits: 32, family: 'ipv6' }],
    ['[2001:db8::1]', { address: '2001:db8::1', bits: 128, family: 'ipv6' }],
  ])('%s is understood', (text, range) => {
    expect(rangeOf(text)).toEqual(range);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0:80/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::1/129',
    '::ffff:c633:6400/24',
  ])('is not %s', (text) => {
    expect(rangeOf(text)).toBeUndefined();
  });
});

describe('the network of one client', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:c633:6407', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});
