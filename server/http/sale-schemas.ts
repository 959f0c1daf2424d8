import { Type } from '../../contracts/schema-types.ts';

/** JSON schemas of sales in the HTTP API. */

const State = Type.Enum(['scheduled', 'open', 'paused', 'closed']);
const Time = Type.String({ format: 'date-time' });

const Texts = Type.Record(Type.String(), Type.String(), {
  description: 'A text by language (BCP 47)',
});
const Picture = Type.Object({ url: Type.String(), alt: Texts });

const SalePresentation = Type.Object(
  {
    languages: Type.Optional(
      Type.Array(Type.String(), { description: 'The first one is used where a text is missing' }),
    ),
    title: Type.Optional(Texts),
    description: Type.Optional(Texts),
    colors: Type.Optional(
      Type.Object({
        accent: Type.Optional(Type.String({ description: 'A colour as #rrggbb' })),
        background: Type.Optional(Type.String({ description: 'There with `text`, or not at all' })),
        text: Type.Optional(Type.String()),
      }),
    ),
    logo: Type.Optional(Picture),
  },
  { description: 'As the sale file has it; `title` beside it is in the first language' },
);

const SkuPresentation = Type.Object({
  title: Type.Optional(Texts),
  description: Type.Optional(Texts),
  picture: Type.Optional(Picture),
});

const CalledOff = Type.Optional(
  Type.Literal(true, {
    description: 'The shop called the sale off: orders are cancelled, payments go back',
  }),
);

export const SaleList = Type.Object({
  sales: Type.Array(
    Type.Object({
      sale: Type.String(),
      title: Type.String(),
      state: State,
      opensAt: Time,
      closesAt: Time,
      calledOff: CalledOff,
      presentation: Type.Optional(SalePresentation),
    }),
  ),
});

export const Sale = Type.Object({
  sale: Type.String(),
  title: Type.String(),
  state: State,
  serverTime: Time,
  opensAt: Time,
  closesAt: Time,
  calledOff: CalledOff,
  keep: Type.Number({ description: 'Share of purchase requests that is kept, 0 to 1' }),
  shed: Type.Enum(['random', 'lottery']),
  lottery: Type.Optional(
    Type.Object(
      {
        secretSha256: Type.String({ description: 'SHA-256 of the secret, hexadecimal' }),
        secret: Type.Optional(Type.String({ description: 'Shown when the sale has closed' })),
      },
      { description: 'rank = first 48 bits of HMAC-SHA-256(secret, user) ÷ 2^48' },
    ),
  ),
  presentation: Type.Optional(SalePresentation),
  skus: Type.Array(
    Type.Object({
      sku: Type.String(),
      title: Type.String(),
      price: Type.String({ description: 'Decimal, with the digits of the currency' }),
      currency: Type.String(),
      limit: Type.Integer({
        description: 'Units that one user may buy; of daily goods, for each day',
      }),
      goods: Type.Optional(
        Type.Enum(['counted', 'daily', 'amounts', 'numbered'], {
          description: 'The kind of goods; counted if it is missing',
        }),
      ),
      zone: Type.Optional(
        Type.String({ description: 'Of daily goods: the time zone whose calendar tells the day' }),
      ),
      pot: Type.Optional(
        Type.Object(
          {
            amount: Type.String({ description: 'Decimal, in the currency of the SKU' }),
            packets: Type.Integer({ description: 'The pot is divided into so many' }),
            sha256: Type.Optional(
              Type.String({
                description:
                  'SHA-256 of the salt and the packets by position, a line each, hexadecimal. Both are published when the sale is over',
              }),
            ),
          },
          { description: 'Of amounts: the money that is given away' },
        ),
      ),
      availability: Type.Enum(['plenty', 'few', 'maybe', 'sold_out']),
      state: State,
      waitlist: Type.Optional(
        Type.Literal('off', { description: 'Nobody can ask for a place in the waitlist' }),
      ),
      presentation: Type.Optional(SkuPresentation),
    }),
  ),
});

export const Units = Type.Object({
  sku: Type.String(),
  seats: Type.Union(
    [
      Type.Array(Type.Object({ row: Type.String(), from: Type.Integer(), to: Type.Integer() })),
      Type.Array(Type.String()),
    ],
    {
      description:
        'The units, the best first: lines of seats side by side, or labels of units that are in no row',
    },
  ),
  units: Type.Integer({ description: 'How many there are' }),
  singles: Type.Enum(['avoid', 'allow'], {
    description: 'avoid: no single seat is left free between others, if other seats leave none',
  }),
  free: Type.String({
    description:
      'Base64 of a bit for each unit in the order of `seats`, the highest bit of a byte first: 1 if it is free',
  }),
  asOf: Type.String({
    format: 'date-time',
    description: 'Of `free`. It is older than a second only while the database does not answer',
  }),
});
