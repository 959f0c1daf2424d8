import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ConfigError, parseEnvironment } from '../../contracts/config.ts';
import {
  databaseSpecs,
  databaseUrls,
  readSpecs,
  readUrls,
} from '../../contracts/database-config.ts';
import { homeNumber, homeOfOrder, isHome, isHotHome, schemaOf } from '../../contracts/homes.ts';

const hot = fc.integer({ min: 0, max: 498 }).map((n) => (n === 0 ? 'hot' : `hot-${n}`));
const homes = fc.oneof(fc.constant('regular'), hot);

it('an order number from 1,000,000,000 on tells its home, whatever the counter is', () => {
  fc.assert(
    fc.property(homes, fc.bigInt({ min: 1_000_000n, max: 10n ** 14n }), (home, counter) => {
      expect(isHome(home)).toBe(true);
      expect(homeOfOrder(`${counter * 1_000n + BigInt(homeNumber(home))}`)).toBe(home);
    }),
  );
});

it('processes of the last release, which look at odd and even, find regular and hot', () => {
  expect([homeNumber('regular') % 2, homeNumber('hot') % 2]).toEqual([1, 0]);
  fc.assert(fc.property(hot, (home) => homeNumber(home) % 2 === 0));
});

it.each([
  ['1', 'regular'],
  ['2', 'hot'],
  ['998', 'hot'],
  ['999999999', 'regular'],
  ['1000000001', 'regular'],
  ['1000000002', 'hot'],
  ['1000000004', 'hot-1'],
])('the old order number %s is of %s', (orderNo, home) => {
  expect(homeOfOrder(orderNo)).toBe(home);
});

it.each(['hot-0', 'hot-01', 'hot-499', 'hot-1000', 'Hot', 'cold', 'hot-', 'regular-1', ''])(
  'no home is called %j',
  (name) => expect(isHotHome(name) || isHome(name)).toBe(false),
);

it('every hot home has the schema hot on its server', () => {
  expect(['regular', 'hot', 'hot-7'].map(schemaOf)).toEqual(['regular', 'hot', 'hot']);
});

const [one, two, three] = ['postgres://one/shop', 'postgres://two/shop', 'postgres://three/shop'];
const urlsOf = (variables: Record<string, string>) =>
  databaseUrls(parseEnvironment({ DATABASE_URL: one, ...variables }, databaseSpecs));

it.each([
  [{}, { regular: one, hot: one }],
  [{ HOT_DATABASE_URL: two }, { regular: one, hot: two }],
  [{ HOT_DATABASE_URLS: `hot=${two}` }, { regular: one, hot: two }],
  [
    { HOT_DATABASE_URLS: `hot-1=${two}, hot-2=${three}?sslmode=require` },
    { regular: one, 'hot-1': two, 'hot-2': `${three}?sslmode=require` },
  ],
  // A shop that has sold in `hot` grows.
  [{ HOT_DATABASE_URLS: `hot=${one},hot-1=${two}` }, { regular: one, hot: one, 'hot-1': two }],
])('%j names the homes %j', (variables, expected) => {
  expect(Object.fromEntries(urlsOf(variables))).toEqual(expected);
});

it.each([
  [{ HOT_DATABASE_URL: two, HOT_DATABASE_URLS: `hot-1=${three}` }, /not both/],
  [{ HOT_DATABASE_URLS: `hot-1=${two},hot-2=${two}` }, /hot-2 and hot-1 are on one server/],
  [{ HOT_DATABASE_URLS: `hot-1=${one}` }, /hot-1 and regular are on one server/],
  [{ HOT_DATABASE_URLS: 'hot-1=postgres://other:login@one/shop' }, /hot-1 and regular/],
  [{ HOT_DATABASE_URLS: `hot=${one}?sslmode=require` }, /it must have the same URL/],
  [{ HOT_DATABASE_URLS: `hot-1=${two},hot=${one},hot-2=${one}` }, /hot-2 and regular/],
])('%j is refused', (variables, why) => {
  expect(() => urlsOf(variables)).toThrow(ConfigError);
  expect(() => urlsOf(variables)).toThrow(why);
});

const readsOf = (variables: Record<string, string>) =>
  readUrls(parseEnvironment(variables, readSpecs), urlsOf(variables));

it.each([
  [{}, {}],
  [{ DATABASE_READ_URL: two }, { regular: two, hot: two }],
  [{ DATABASE_READ_URL: two, HOT_DATABASE_URL: three }, { regular: two }],
  [
    { DATABASE_READ_URL: two, HOT_DATABASE_URLS: `hot=${one},hot-1=${three}` },
    { regular: two, hot: two },
  ],
  [{ HOT_DATABASE_URL: three, HOT_DATABASE_READ_URLS: `hot=${two}` }, { hot: two }],
  [
    {
      HOT_DATABASE_URLS: `hot-1=${two},hot-2=${three}`,
      HOT_DATABASE_READ_URLS: 'hot-2=postgres://a:1,b:2/shop?target_session_attrs=standby',
    },
    { 'hot-2': 'postgres://a:1,b:2/shop?target_session_attrs=standby' },
  ],
])('%j names the standbys %j', (variables, expected) => {
  expect(Object.fromEntries(readsOf(variables))).toEqual(expected);
});

it.each([
  [{ DATABASE_READ_URL: 'postgres://a:1,b:2/shop' }, /target_session_attrs=standby/],
  [{ DATABASE_READ_URL: `${two}?target_session_attrs=primary` }, /target_session_attrs=standby/],
  [{ HOT_DATABASE_READ_URLS: two }, /HOT_DATABASE_READ_URLS/],
  [{ HOT_DATABASE_READ_URLS: `hot=${two}` }, /no server of its own/],
  [{ HOT_DATABASE_URL: two, HOT_DATABASE_READ_URLS: `hot-1=${three}` }, /no server of its own/],
])('%j names no standby', (variables, why) => {
  expect(() => readsOf(variables)).toThrow(ConfigError);
  expect(() => readsOf(variables)).toThrow(why);
});
