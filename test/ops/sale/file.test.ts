import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseSaleFile, readSaleFile } from '../../../ops/sale/file.ts';
import { schemaText } from '../../../ops/sale/schema.ts';
import { FileError } from '../../../ops/yaml/problems.ts';
import { looselyRead } from '../../../ops/yaml/read.ts';

/** How sale files are read, and what is said about wrong ones. */

const ROOT = new URL('../../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8');

const ORIGINS = ['https://shop.example'];

const GOOD = `
sale: spring
title: { en: Spring sale, de: Frühlingsverkauf }
opens: 2026-12-01T10:00:00+01:00
closes: in 2d
payWindow: 15m
launch: lottery
colors: { accent: "#1a5fb4" }
logo: { url: https://shop.example/logo.svg, alt: The shop }
skus:
  - sku: TV
    title: { en: Television, de: Fernseher }
    price: "99.00"
    currency: EUR
    limit: 2
    units: 1000
    quota: 500
    keep: auto
    home: hot
    picture: { url: /tv.jpg, alt: { en: A TV, de: Ein Fernseher } }
`;

/** The problems as `line:column path`, and their messages. */
function problemsOf(text: string, origins = ORIGINS): { where: string; message: string }[] {
  try {
    parseSaleFile(text, 'x.yaml', origins);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.problems.map(({ line, column, path, message }) => ({
      where: `${line}:${column} ${path}`.trim(),
      message,
    }));
  }
  return [];
}

it('a file becomes a sale', () => {
  expect(parseSaleFile(GOOD, 'x.yaml', ORIGINS)).toEqual({
    sale: 'spring',
    title: 'Spring sale',
    opens: { at: new Date('2026-12-01T09:00:00Z') },
    closes: { afterMs: 2 * 86_400_000 },
    payWindowSeconds: 900,
    launch: 'lottery',
    presentation: {
      languages: ['en', 'de'],
      title: { en: 'Spring sale', de: 'Frühlingsverkauf' },
      colors: { accent: '#1a5fb4' },
      logo: {
        url: 'https://shop.example/logo.svg',
        alt: { en: 'The shop', de: 'The shop' },
      },
    },
    skus: [
      {
        ...{ sku: 'TV', schema: 'hot', title: 'Television', price: '99.00', currency: 'EUR' },
        ...{ userLimit: 2, units: 1_000, quota: 500, keep: 'auto' },
        presentation: {
          title: { en: 'Television', de: 'Fernseher' },
          picture: { url: '/tv.jpg', alt: { en: 'A TV', de: 'Ein Fernseher' } },
        },
      },
    ],
  });
});

const POT = `
sale: gifts
title: Gifts
opens: in 1h
closes: in 2h
payWindow: 15m
skus:
  - sku: Packet
    title: Packet
    goods: amounts
    pot: { amount: "9", packets: 3, division: ["2", "3.5", "3.50"] }
    price: "0"
    currency: EUR
    limit: 1
`;

it('a pot of money has as many units as packets, and amounts with the digits of its currency', () => {
  const [sku] = parseSaleFile(POT, 'x.yaml', []).skus;
  const pot = { amount: '9.00', packets: 3, division: ['2.00', '3.50', '3.50'] };
  expect(sku).toMatchObject({ units: 3, pot });
  const random = parseSaleFile(POT.replace(/, division: .*\]/, ''), 'x.yaml', []).skus;
  expect(random[0]?.pot?.division).toBe('random');
});

it.each([
  ['"9"', '"9.50"', 'skus[0].pot.division', 'the listed amounts add up to 9.00, not to 9.50'],
  ['"9"', '9', 'skus[0].pot.amount', 'expected all the money that is given away, as text'],
  ['"9"', '"0.02"', 'skus[0].pot.amount', 'too little: each of 3 packets has 0.01 or more'],
  ['"3.5"', '"3.501"', 'skus[0].pot.division', '3.501 is no amount of 0.01 or more'],
  ['EUR', 'JPY', 'skus[0].pot.division', '3.5 is no amount of 1 or more with 0 decimal places'],
  ['packets: 3', 'packets: 2', 'skus[0].pot.division', '3 amounts are listed'],
  ['price: "0"', 'price: "1.00"', 'skus[0].price', 'amounts cost nothing; expected "0"'],
  ['limit: 1', 'limit: 2', 'skus[0].limit', 'amounts have a limit of 1'],
  ['limit: 1', 'limit: 1\n    units: 3', 'skus[0].units', 'leave it out'],
  ['goods: amounts', 'units: 3', 'skus[0].pot', 'only amounts have a pot'],
  [/pot: .*/, '', 'skus[0].pot', 'it is missing; expected a pot of money'],
])('a wrong pot is told: %s → %s', (from, to, where, message) => {
  const [problem, ...others] = problemsOf(POT.replace(from, to));
  expect(others).toEqual([]);
  expect(problem?.where.split(' ')[1]).toBe(where);
  expect(problem?.message).toContain(message);
});

const HALL = `
sale: hall
title: A concert
opens: 2026-12-01T10:00:00Z
closes: 2026-12-02T10:00:00Z
payWindow: 5m
skus:
  - sku: Stalls
    title: Stalls
    goods: numbered
    seats:
      - { row: "1", from: 1, to: 10 }
      - { row: "1", from: 11, to: 20 }
      - { row: "2", from: 1, to: 18 }
    price: "40.00"
    currency: EUR
    limit: 6
`;

it('a section has as many units as seats, and avoids single ones unless it says so', () => {
  const [sku] = parseSaleFile(HALL, 'x.yaml', []).skus;
  expect(sku).toMatchObject({ units: 38, section: { singles: 'avoid' } });
  expect(sku?.section?.seats).toHaveLength(3);
  const labels = HALL.replace(/seats:[\s\S]*18 }/, 'seats: ["A-7", "A-9"]\n    singles: allow');
  const [numbers] = parseSaleFile(labels, 'x.yaml', []).skus;
  const section = { seats: ['A-7', 'A-9'], singles: 'allow' };
  expect(numbers).toMatchObject({ units: 2, section });
});

it.each([
  ['from: 11', 'from: 10', 'skus[0].seats[1]', 'there are two units 1 10'],
  ['to: 18', 'to: 0', 'skus[0].seats[2]', 'expected a last seat of 1 or more'],
  ['to: 18', 'to: 100000', 'skus[0].seats[2]', 'expected at most 100000 seats'],
  ['limit: 6', 'limit: 6\n    units: 38', 'skus[0].units', 'leave it out'],
  ['goods: numbered', 'units: 38', 'skus[0].seats', 'only numbered goods have seats'],
  [/seats:[\s\S]*18 }/, '', 'skus[0].seats', 'it is missing; expected rows of seats'],
])('wrong seats are told: %s → %s', (from, to, where, message) => {
  const [problem, ...others] = problemsOf(HALL.replace(from, to));
  expect(others).toEqual([]);
  expect(problem?.where.split(' ')[1]).toBe(where);
  expect(problem?.message).toContain(message);
});

it('all errors are told at once, with line, column and what is expected', () => {
  const problems = problemsOf(
    `sale: de mo
titel: x
title: {en: Hi, de: , it: Ciao}
opens: 2026-02-30T10:00:00Z
closes: 2026-12-01T10:00
payWindow: 40d
logo: {url: ftp://x, alt: {en: a}}
skus:
  - sku: TV
    price: 99.00
    currency: EUR
    limit: 0
    units: many
    keep: 2
  - sku: TV
    title: Foo
    price: "0.10"
    currency: EUR
    limit: 1
    units: 1
    quota: 1.5
    pictur: {url: /x.jpg, alt: a}
`,
  );
  expect(problems.map(({ where }) => where)).toEqual([
    '1:7 sale',
    '2:1 titel',
    '3:21 title.de',
    '3:23 title.it',
    '4:8 opens',
    '5:9 closes',
    '6:12 payWindow',
    '7:13 logo.url',
    '7:27 logo.alt',
    '9:5 skus[0].title',
    '10:12 skus[0].price',
    '12:12 skus[0].limit',
    '13:12 skus[0].units',
    '14:11 skus[0].keep',
    '15:10 skus[1].sku',
    '17:12 skus[1].price',
    '21:12 skus[1].quota',
    '22:5 skus[1].pictur',
  ]);
  const messageAt = (where: string) => problems.find((one) => one.where === where)?.message;
  expect(messageAt('2:1 titel')).toBe('there is no such key; did you mean title?');
  expect(messageAt('4:8 opens')).toBe('2026-02-30T10:00:00Z is no day or time that exists');
  expect(messageAt('10:12 skus[0].price')).toBe(
    '99.00 is not allowed; expected the price of one unit, as text in quotes such as "99.00"',
  );
  expect(messageAt('9:5 skus[0].title')).toContain('it is missing; expected the title of the SKU');
  expect(messageAt('17:12 skus[1].price')).toContain('at least 0.50 EUR');
});

it('broken YAML, a key that stands twice and values of the wrong kind are told with their place', () => {
  expect(problemsOf('sale: [x')).toMatchObject([{ where: '1:9' }]);
  expect(problemsOf(`${GOOD}sale: other\n`)).toMatchObject([{ where: '21:1' }]);
  expect(problemsOf('')).toMatchObject([{ where: '1:1' }]);
  expect(problemsOf('- sale')).toMatchObject([{ where: '1:1' }]);
  expect(
    problemsOf(GOOD.replace('title: { en: Spring sale, de: Frühlingsverkauf }', 'title: 5')),
  ).toMatchObject([{ where: '3:8 title' }]);
  expect(problemsOf(GOOD.replace('closes: in 2d', 'closes: 2026-12-01T10:00:00+01:00'))).toEqual([
    { where: '5:9 closes', message: 'the sale closes before it opens; expected a later time' },
  ]);
});

it('colours that cannot be told apart are refused with their contrast and what is needed', () => {
  const withColors = (colors: string) => GOOD.replace('{ accent: "#1a5fb4" }', colors);
  const pale = withColors('{ accent: "#ffd400", background: "#ffffff", text: "#777777" }');
  expect(problemsOf(pale)).toEqual([
    {
      where: '8:19 colors.accent',
      message:
        '#ffd400 has a contrast of 1.43:1 with the background #ffffff; expected at least 3:1',
    },
    {
      where: '8:59 colors.text',
      message:
        '#777777 has a contrast of 4.47:1 with the background #ffffff; expected at least 4.5:1',
    },
  ]);
  expect(problemsOf(withColors('{ accent: "#ffd400" }'))).toEqual([]);
  const dark = '{ accent: "#ffd400", background: "#101010", text: "#EEEEEE" }';
  expect(problemsOf(withColors(dark))).toEqual([]);
  for (const part of ['{ accent: "#ffd400", text: "#000000" }', '{ background: "#ffffff" }']) {
    expect(problemsOf(withColors(part))).toContainEqual({
      where: '8:9 colors',
      message:
        'a group of values is not allowed; expected colours: accent alone, or accent, background and text',
    });
  }
});

it('a picture of an origin that the page does not show is refused', () => {
  expect(problemsOf(GOOD, [])).toEqual([
    {
      where: '9:14 logo.url',
      message:
        "the shop's page shows no picture of https://shop.example; expected a path such as /tv.jpg, or an origin in IMAGE_ORIGINS (which is not set)",
    },
  ]);
  const other = GOOD.replace('url: /tv.jpg', 'url: https://cdn.example/tv.jpg');
  expect(problemsOf(other)).toMatchObject([
    {
      where: '20:21 skus[0].picture.url',
      message: expect.stringMatching(/\(https:\/\/shop.example\)$/),
    },
  ]);
  expect(problemsOf(other, [...ORIGINS, 'https://cdn.example'])).toEqual([]);
  const withoutScheme = GOOD.replace('url: /tv.jpg', 'url: //cdn.example/tv.jpg');
  expect(problemsOf(withoutScheme)).toMatchObject([{ where: '20:21 skus[0].picture.url' }]);
});

it('the published schema is that of the validator, and accepts the demo', () => {
  expect(read('docs/sale.schema.json')).toBe(schemaText());
  const validate = new Ajv({ strict: false }).compile(JSON.parse(schemaText()));
  expect(validate(parse(read('sales/demo.yaml')))).toBe(true);
  expect(validate({ ...parse(GOOD), extra: 1 })).toBe(false);
  expect(parseSaleFile(read('sales/demo.yaml'), 'sales/demo.yaml', []).skus).toHaveLength(3);
});

describe('a file that would keep a console busy', () => {
  it.each([
    ['[[…', '['.repeat(500_000)],
    ['[[…]]', '['.repeat(400_000) + ']'.repeat(400_000)],
    ['{"a":{"a":…', '{"a":'.repeat(150_000)],
    ['- - - …', '- '.repeat(400_000)],
  ])('is not parsed if it nests deep: %s', (_, text) => {
    expect(() => readSaleFile(text, 'x', [])).toThrow(
      'x:1:1: the file nests deeper than 100 levels',
    );
    expect(() => looselyRead(text)).toThrow('nests deeper');
  });

  it('has its first errors told, and its repeated keys', () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `k${index}: v`).join('\n');
    const problems = problemsOf(`${keys}\nk7: w\n`);
    expect(
      problems.filter(({ message }) => message.startsWith('there is no such key')).length,
    ).toBeLessThanOrEqual(200);
    const repeated = { where: '5001:1', message: 'Map keys must be unique' };
    expect(problems).toContainEqual(repeated);
  });
});
