import { NAME_PATTERN, REQUEST_UNITS_MAX } from '../../../contracts/names.ts';
import { type Static, Type } from '../../../contracts/schema-types.ts';

/**
 * The schema of a plan of `flashsale load`. Each description says what is expected, in the words that
 * an error message shows after "expected".
 */

/** A plan that lasts longer is refused: the report keeps figures of every second. */
export const PLAN_MS_MAX = 2 * 3_600_000;
export const SHOPPERS_MAX = 10_000_000;
/** Shoppers who are in the shop at the same moment, in one process. */
const ALIVE_MAX = 200_000;
const RATE_MAX = 100_000;
const ADDRESSES_MAX = 1_000;

const CLOSED = { additionalProperties: false } as const;

export const DURATION_PATTERN = '^(0|[1-9]\\d{0,6})(ms|s|m|h)$';
const duration = (what: string) =>
  Type.String({
    pattern: DURATION_PATTERN,
    description: `${what}, such as 200ms, 5s or 2m`,
  });

const rate = (what: string) =>
  Type.Number({ minimum: 0, maximum: RATE_MAX, description: `${what}, 0 to ${RATE_MAX}` });

const weight = (what: string) =>
  Type.Number({ minimum: 0, maximum: 1_000_000, description: `the weight of ${what}, 0 or more` });

const weights = <Name extends string>(names: readonly Name[], description: string) =>
  Type.Object(
    Object.fromEntries(names.map((name) => [name, Type.Optional(weight(name))])) as Record<
      Name,
      ReturnType<typeof Type.Optional<ReturnType<typeof weight>>>
    >,
    { ...CLOSED, minProperties: 1, description },
  );

/** What shoppers do. docs/load.md explains each. */
export const BEHAVIOURS = [
  'buys',
  'cancels',
  'keeps',
  'looks',
  'leaves',
  'comes-back',
  'presses-twice',
  'reloads',
  'loses-connection',
  'joins-waitlist',
  'asks-for-notices',
  'bot',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** How shoppers wait for the outcome. */
const WAITS = ['poll', 'long-poll', 'stream'] as const;
export type Wait = (typeof WAITS)[number];

const path = (what: string) =>
  Type.String({ minLength: 1, maxLength: 500, description: `the path of ${what}, from the plan` });

const Identities = Type.Union(
  [
    Type.Literal('guests'),
    Type.Object({ tokens: path('a file with a token a line') }, CLOSED),
    Type.Object(
      {
        key: path('a file with the secret (HS256), or with a private key in PEM'),
        users: Type.Optional(
          Type.String({
            pattern: NAME_PATTERN,
            description: 'how the names of users begin, such as crowd-1',
          }),
        ),
        audience: Type.Optional(Type.String({ minLength: 1, description: 'the claim aud' })),
        issuer: Type.Optional(Type.String({ minLength: 1, description: 'the claim iss' })),
        keyId: Type.Optional(Type.String({ minLength: 1, description: 'the header kid' })),
      },
      CLOSED,
    ),
  ],
  {
    description:
      'who the shoppers are: guests, { tokens: FILE } with a token a line, or { key: FILE } to sign tokens with',
  },
);

const Network = Type.Object(
  {
    latency: Type.Optional(
      Type.Object(
        {
          from: duration('the least time that a call takes to leave'),
          to: duration('the most time that a call takes to leave'),
        },
        { ...CLOSED, description: 'how long calls take to leave, with from and to' },
      ),
    ),
    loss: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'the share of calls whose connection breaks, 0 to 1',
      }),
    ),
    addresses: Type.Optional(
      Type.Union(
        [
          Type.Integer({ minimum: 1, maximum: ADDRESSES_MAX }),
          Type.Array(Type.String({ pattern: '^[0-9a-fA-F.:]{3,45}$' }), {
            minItems: 1,
            maxItems: ADDRESSES_MAX,
          }),
        ],
        {
          description: `the addresses that shoppers call from: a number of loopback addresses up to ${ADDRESSES_MAX}, or a list of addresses of this machine`,
        },
      ),
    ),
  },
  { ...CLOSED, description: 'the network of the shoppers, with latency, loss and addresses' },
);

export const PlanFile = Type.Object(
  {
    sale: Type.String({
      pattern: NAME_PATTERN,
      description: 'the name of the sale, as in its address',
    }),
    seed: Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Integer()], {
      description: 'the seed of all that is drawn: a text or a whole number',
    }),
    begin: Type.Optional(
      Type.String({
        pattern: '^(now|[1-9]\\d{0,6}(ms|s|m|h) before the opening)$',
        description:
          'when the curve begins: now, or a time such as 30s before the opening; now if it is left out or that time is over',
      }),
    ),
    arrivals: Type.Array(
      Type.Object(
        {
          for: duration('how long the stage lasts'),
          rate: rate('shoppers who arrive in a second'),
          to: Type.Optional(rate('shoppers who arrive in a second at its end')),
        },
        { ...CLOSED, description: 'a stage with for and rate, and to if the rate changes' },
      ),
      { minItems: 1, maxItems: 100, description: 'the arrival curve: a list of 1 to 100 stages' },
    ),
    behaviours: weights(BEHAVIOURS, `weights of what shoppers do: ${BEHAVIOURS.join(', ')}`),
    waits: Type.Optional(
      weights(WAITS, `weights of how shoppers wait for the outcome: ${WAITS.join(', ')}`),
    ),
    skus: Type.Optional(
      Type.Record(Type.String({ pattern: NAME_PATTERN }), weight('the SKU'), {
        ...CLOSED,
        minProperties: 1,
        description: 'weights of the SKUs that shoppers want; all SKUs alike if it is left out',
      }),
    ),
    quantity: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: REQUEST_UNITS_MAX,
        description: `units of a press, 1 to ${REQUEST_UNITS_MAX}; 1 if it is left out`,
      }),
    ),
    patience: Type.Optional(
      duration('how long a shopper tries, from the arrival or from the opening'),
    ),
    pauses: Type.Optional(
      Type.Object(
        {
          press: Type.Optional(duration('the mean time until a shopper presses')),
          pay: Type.Optional(duration('the mean time until a shopper pays or cancels')),
          back: Type.Optional(duration('the mean time until a shopper comes back')),
          reload: Type.Optional(duration('the mean time between two reloads')),
          bot: Type.Optional(duration('the mean time between two calls of a bot')),
        },
        { ...CLOSED, description: 'mean pauses, with press, pay, back, reload and bot' },
      ),
    ),
    notices: Type.Optional(
      Type.Object(
        {
          email: Type.String({
            pattern: '^[\\w.+-]*\\{number\\}[\\w.+-]*@[\\w.-]+$',
            description:
              'an address of yours with {number} in it, such as crowd-{number}@mail.example',
          }),
        },
        { ...CLOSED, description: 'where shoppers want to be told, with email' },
      ),
    ),
    network: Type.Optional(Network),
    identities: Type.Optional(Identities),
    files: Type.Optional(
      Type.Boolean({ description: 'whether a shopper loads the files of the page: true or false' }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          shoppers: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: ALIVE_MAX,
              description: `the most shoppers who are in the shop at once, in one process, 1 to ${ALIVE_MAX}`,
            }),
          ),
          solvers: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 64,
              description: 'the threads that solve challenges, 1 to 64',
            }),
          ),
        },
        { ...CLOSED, description: 'limits of the generator, with shoppers and solvers' },
      ),
    ),
  },
  { ...CLOSED, description: 'a plan with sale, seed, arrivals and behaviours' },
);

export type PlanFile = Static<typeof PlanFile>;
