import { GOODS } from '../../contracts/goods.ts';
import { HOME_PATTERN } from '../../contracts/homes.ts';
import { NAME_PATTERN, REQUEST_UNITS_MAX } from '../../contracts/names.ts';
import { PACKETS_MAX } from '../../contracts/pot.ts';
import { LANGUAGES } from '../../contracts/presentation.ts';
import { type Static, type TSchema, Type } from '../../contracts/schema-types.ts';
import { SECTION_UNITS_MAX, SINGLES } from '../../contracts/seats.ts';

/**
 * The schema of a sale file. Files are validated by it, and `flashsale sale schema` prints it; the
 * published copy for editors is docs/sale.schema.json. Each description says what is expected, in the
 * words that an error message shows after "expected".
 */

const TITLE_LENGTH_MAX = 200;
const DESCRIPTION_LENGTH_MAX = 2_000;
const URL_LENGTH_MAX = 500;
const SKUS_MAX = 50;
const UNITS_MAX = 2_147_483_647;

const CLOSED = { additionalProperties: false } as const;

/** One text for all languages, or one for each language. */
function text(what: string, maxLength: number) {
  const one = Type.String({
    minLength: 1,
    maxLength,
    // PostgreSQL stores no NUL, and no browser shows control characters.
    pattern: '^[^\\u0000-\\u0008\\u000b-\\u001f]*$',
    description: `a text of 1 to ${maxLength} characters, without control characters`,
  });
  const each = Object.fromEntries(LANGUAGES.map((language) => [language, Type.Optional(one)]));
  return Type.Union([one, Type.Object(each, { ...CLOSED, minProperties: 1 })], {
    description: `${what}: one text, or a text for each language (${LANGUAGES.join(', ')}), of 1 to ${maxLength} characters`,
  });
}

const name = (what: string) =>
  Type.String({
    pattern: NAME_PATTERN,
    description: `the name of the ${what}: 1 to 40 letters, digits, - and _, not - or _ at the start`,
  });

const moment = (what: string) =>
  Type.String({
    pattern:
      '^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)|in [1-9]\\d{0,5}[smhd])$',
    description: `${what}: a time with its zone such as 2026-12-01T10:00:00+01:00, or a time after the first apply such as in 15s (s, m, h, d)`,
  });

const picture = (what: string) =>
  Type.Object(
    {
      url: Type.String({
        pattern: '^(https://|/(?!/))[^\\s"\'<>\\\\]+$',
        maxLength: URL_LENGTH_MAX,
        description:
          'the address of the picture: a path of the shop such as /tv.jpg, or https://… at one of the origins in IMAGE_ORIGINS',
      }),
      alt: text('what the picture shows, for shoppers who do not see it', TITLE_LENGTH_MAX),
    },
    { ...CLOSED, description: `${what}, with url and alt` },
  );

const color = (what: string) =>
  Type.String({
    pattern: '^#[0-9a-fA-F]{6}$',
    description: `the colour of ${what}, such as "#1a5fb4"`,
  });

const AMOUNT_PATTERN = '^\\d{1,9}(\\.\\d{1,4})?$';
const amount = (what: string) =>
  Type.String({
    pattern: AMOUNT_PATTERN,
    description: `${what}, as text in quotes such as "100.00"`,
  });

const PotOfFile = Type.Object(
  {
    amount: amount('all the money that is given away'),
    packets: Type.Integer({
      minimum: 1,
      maximum: PACKETS_MAX,
      description: `the number of packets that the pot is divided into, 1 to ${PACKETS_MAX}`,
    }),
    division: Type.Optional(
      Type.Union(
        [
          Type.Enum(['random', 'equal']),
          Type.Array(amount('the amount of one packet'), { minItems: 1, maxItems: PACKETS_MAX }),
        ],
        {
          description:
            'how the pot is divided: random (by the double-mean rule), equal, or a list with the amount of each packet, as texts in quotes; random if it is left out',
        },
      ),
    ),
  },
  { ...CLOSED, description: 'a pot of money, with amount, packets and division' },
);

const LABEL_PATTERN = '^[^\\s\\x00-\\x1f]([^\\x00-\\x1f]{0,62}[^\\s\\x00-\\x1f])?$';
const label = (what: string) =>
  Type.String({
    pattern: LABEL_PATTERN,
    description: `${what}, a text in quotes of 1 to 64 characters`,
  });
const seatNumber = (what: string) =>
  Type.Integer({ minimum: 0, maximum: 999_999, description: `the number of ${what}` });

const SeatsOfFile = Type.Union(
  [
    Type.Array(
      Type.Object(
        {
          row: label('the name of a row'),
          from: seatNumber('its first seat'),
          to: seatNumber('its last seat'),
        },
        { ...CLOSED, description: 'a row of seats side by side, with row, from and to' },
      ),
      { minItems: 1, maxItems: SECTION_UNITS_MAX },
    ),
    Type.Array(label('a unit such as a serial number'), {
      minItems: 1,
      maxItems: SECTION_UNITS_MAX,
    }),
  ],
  {
    description: `for numbered goods, the best first: rows of seats, each with row, from and to (a row with an aisle has two), or a list of labels; at most ${SECTION_UNITS_MAX} units in all`,
  },
);

const SkuOfFile = Type.Object(
  {
    sku: name('SKU'),
    title: text('the title of the SKU', TITLE_LENGTH_MAX),
    description: Type.Optional(text('more about the SKU', DESCRIPTION_LENGTH_MAX)),
    price: Type.String({
      pattern: AMOUNT_PATTERN,
      description: 'the price of one unit, as text in quotes such as "99.00"',
    }),
    currency: Type.String({
      pattern: '^[A-Z]{3}$',
      description: 'the currency as three capital letters (ISO 4217) such as EUR',
    }),
    limit: Type.Integer({
      minimum: 1,
      maximum: REQUEST_UNITS_MAX,
      description: `the units that one user may hold, 1 to ${REQUEST_UNITS_MAX}`,
    }),
    goods: Type.Optional(
      Type.Enum([...GOODS], {
        description:
          'the kind of goods: counted, daily (one unit for each user and day), amounts (packets of a pot of money), or numbered (seats or serial numbers); counted if it is left out',
      }),
    ),
    zone: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'for daily goods: the time zone whose calendar tells the day, such as Europe/Berlin',
      }),
    ),
    pot: Type.Optional(PotOfFile),
    seats: Type.Optional(SeatsOfFile),
    singles: Type.Optional(
      Type.Enum([...SINGLES], {
        description:
          'for numbered goods: avoid leaves no single seat free between others if other seats are free, allow has no such rule; avoid if it is left out',
      }),
    ),
    units: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: UNITS_MAX,
        description:
          'the units to sell in all, restocks included: a whole number such as 1000; daily goods, amounts and numbered goods have none',
      }),
    ),
    quota: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: UNITS_MAX,
        description:
          'the units that may be sold for now, a whole number; all units if it is left out',
      }),
    ),
    keep: Type.Optional(
      Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Literal('auto')], {
        description: 'the share of the purchase requests to keep, 0 to 1, or auto',
      }),
    ),
    home: Type.Optional(
      Type.String({
        pattern: `^(${HOME_PATTERN})$`,
        description:
          'the home of the stock: regular, or hot (or hot-1 and so on, if there are several hot homes) for a SKU that very many shoppers want at once; regular if it is left out',
      }),
    ),
    picture: Type.Optional(picture('a picture of the SKU')),
  },
  {
    ...CLOSED,
    description:
      'a SKU with sku, title, price, currency, limit and units; daily goods have a zone instead of units, amounts a pot, and numbered goods seats',
  },
);

export const SaleFile = Type.Object(
  {
    sale: name('sale'),
    languages: Type.Optional(
      Type.Array(Type.Enum([...LANGUAGES]), {
        minItems: 1,
        uniqueItems: true,
        description: `the languages of the texts, the main one first: some of ${LANGUAGES.join(', ')}; those of the title if it is left out`,
      }),
    ),
    title: text('the title of the sale', TITLE_LENGTH_MAX),
    description: Type.Optional(text('more about the sale', DESCRIPTION_LENGTH_MAX)),
    opens: moment('when the sale opens'),
    closes: moment('when the sale closes'),
    payWindow: Type.String({
      pattern: '^[1-9]\\d{0,6}[smhd]$',
      description: 'how long an order waits for its payment: 1s to 30d, such as 15m',
    }),
    launch: Type.Optional(
      Type.Enum(['first_come', 'lottery'], {
        description:
          'who is let through while more shoppers press than are kept: first_come or lottery; the setting of the shop if it is left out',
      }),
    ),
    colors: Type.Optional(
      Type.Object(
        {
          accent: color('buttons and of the top of the open sale'),
          background: Type.Optional(color('the page')),
          text: Type.Optional(color('text')),
        },
        {
          ...CLOSED,
          dependencies: { background: ['text'], text: ['background'] },
          description: 'colours: accent alone, or accent, background and text',
        },
      ),
    ),
    logo: Type.Optional(picture('the logo of the shop')),
    skus: Type.Array(SkuOfFile, {
      minItems: 1,
      maxItems: SKUS_MAX,
      description: `the SKUs of the sale, 1 to ${SKUS_MAX}`,
    }),
  },
  {
    ...CLOSED,
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A sale of flashsale',
    description: 'a sale with sale, title, opens, closes, payWindow and skus',
  },
);

export type SaleFile = Static<typeof SaleFile>;
export type TextOfFile = SaleFile['title'];

/** The schema as it is published. */
export function schemaText(): string {
  return `${JSON.stringify(SaleFile satisfies TSchema, null, 2)}\n`;
}
