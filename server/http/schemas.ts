import { HOME_PATTERN } from '../../contracts/homes.ts';
import { ORDER_NO_PATTERN, REQUEST_ID_FORM } from '../../contracts/ids.ts';
import { NAME_PATTERN, REQUEST_UNITS_MAX } from '../../contracts/names.ts';
import { Type } from '../../contracts/schema-types.ts';
import { PROBLEMS } from './problems.ts';

/** JSON schemas of the HTTP API: they validate requests and serialize answers. */

/** The longest wait for a status, in seconds. */
export const WAIT_SECONDS_MAX = 30;

const verdicts = Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[];

const ProblemDocument = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    verdict: Type.Enum(verdicts),
  },
  { description: 'application/problem+json (RFC 9457)', additionalProperties: true },
);

const Name = Type.String({ pattern: NAME_PATTERN });
const Time = Type.String({ format: 'date-time' });

export const SaleParams = Type.Object({ sale: Name });
export const SkuParams = Type.Object({ sale: Name, sku: Name });
export const Today = Type.Object({
  day: Type.String({ format: 'date', description: 'Today by the calendar of the SKU' }),
  done: Type.Boolean({ description: 'Whether I have the unit of today' }),
  streak: Type.Integer({
    description: 'Days in a row: up to today if it is done, else up to yesterday',
  }),
});
export const RequestParams = Type.Object({
  requestId: Type.String({
    pattern: `^${REQUEST_ID_FORM}(~[A-Za-z0-9._-]{1,100})?$`,
    description: 'The request id; in a statusUrl, `~` and a receipt follow',
  }),
});
export const OrderParams = Type.Object({ orderNo: Type.String({ pattern: ORDER_NO_PATTERN }) });
export const TicketParams = Type.Object({ ticket: Type.String({ minLength: 1 }) });

export const TicketBody = Type.Object(
  {
    sku: Name,
    challenge: Type.Optional(
      Type.String({ maxLength: 4_096, description: 'The solution of a challenge, base64 of JSON' }),
    ),
  },
  { additionalProperties: false },
);

export const ChallengeBody = Type.Object({ sku: Name }, { additionalProperties: false });

export const ChallengeAnswer = Type.Object(
  {
    parameters: Type.Object(
      {
        algorithm: Type.String(),
        cost: Type.Integer({ description: 'Iterations a key' }),
        data: Type.Object({ rounds: Type.Integer({ description: 'Keys to try at the most' }) }),
        expiresAt: Type.Optional(Type.Integer({ description: 'Seconds since the epoch' })),
        keyLength: Type.Integer(),
        keyPrefix: Type.String(),
        keySignature: Type.Optional(Type.String()),
        nonce: Type.String(),
        salt: Type.String(),
      },
      { description: 'ALTCHA, version 2' },
    ),
    signature: Type.Optional(Type.String()),
  },
  { description: 'A challenge as the ALTCHA widget and libraries read it' },
);

export const TicketAnswer = Type.Object({
  ticket: Type.String(),
  purchaseUrl: Type.String(),
  expiresAt: Time,
});

export const PurchaseHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'UUID; becomes the request id. The same key again counts once' }),
  ),
  'idempotency-retry': Type.Optional(
    Type.String({ description: 'true: what became of an earlier request is not known' }),
  ),
});

export const PurchaseBody = Type.Object(
  {
    quantity: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: REQUEST_UNITS_MAX,
        description: 'Required without `seats`; with them, their number',
      }),
    ),
    seats: Type.Optional(
      Type.Array(
        Type.Object(
          {
            row: Type.Optional(Type.String({ minLength: 1 })),
            seat: Type.String({ minLength: 1 }),
          },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: REQUEST_UNITS_MAX,
          description:
            'Of numbered goods: exactly these units. Without it, the shop chooses the best free ones. ' +
            'Outcomes: rejected/seats_taken, rejected/leaves_single',
        },
      ),
    ),
    acceptFewer: Type.Optional(
      Type.Boolean({
        description: 'Take fewer, 1 or more, if the node that is asked has fewer left to give out',
      }),
    ),
  },
  { additionalProperties: false },
);

export const PurchaseAnswer = Type.Object({
  requestId: Type.String(),
  status: Type.String(),
  statusUrl: Type.String(),
});

export const Refund = Type.Object(
  {
    status: Type.Enum(['due', 'done'], { description: 'due until all of it was given back' }),
    amount: Type.String({ description: 'Decimal, with the digits of the currency' }),
    currency: Type.Optional(
      Type.String({ description: 'Of money that came in another currency than that of the order' }),
    ),
    at: Type.Optional(Time),
  },
  {
    description:
      'Money that goes back: it came late, twice or with another amount, or the shop cancelled the paid order',
  },
);

export const Order = Type.Object({
  orderNo: Type.String(),
  requestId: Type.String(),
  sale: Type.String(),
  sku: Type.String(),
  quantity: Type.Integer(),
  amount: Type.String({ description: 'Decimal, with the digits of the currency' }),
  currency: Type.String(),
  status: Type.String({ description: 'ordered, paid, cancelled or expired' }),
  createdAt: Time,
  payBefore: Time,
  reason: Type.Optional(
    Type.Enum(['by_shop', 'called_off'], {
      description: 'Only of an order that the shop cancelled: by hand, or with its whole sale',
    }),
  ),
  refund: Type.Optional(Refund),
  packet: Type.Optional(
    Type.Object(
      {
        amount: Type.String({ description: 'Decimal, with the digits of the currency' }),
        currency: Type.String(),
      },
      {
        description:
          'Of amounts: what the order has drawn from the pot. It is paid out by the shop',
      },
    ),
  ),
  units: Type.Optional(
    Type.Array(
      Type.Object({
        row: Type.Optional(Type.String({ description: 'Missing where a unit is in none' })),
        seat: Type.String({ description: 'The seat in its row, or a serial number' }),
      }),
      { description: 'Of numbered goods: the units that the order has; none once it has ended' },
    ),
  ),
});

export const WaitingBody = Type.Union([
  Type.Object(
    {
      quantity: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: REQUEST_UNITS_MAX,
          description: 'Units wanted at the most; 1 without it',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Null(),
]);

export const WaitingAnswer = Type.Object({
  sale: Type.String(),
  sku: Type.String(),
  status: Type.Enum(['waiting', 'served', 'limit_reached', 'closed']),
  quantity: Type.Integer({ description: 'Units wanted at the most' }),
  rank: Type.Number({ description: 'In the lottery of the sale: the lowest goes first' }),
  claims: Type.Integer({
    description: 'Units that came back were held for me so often before: who had none goes first',
  }),
  ahead: Type.Optional(
    Type.Integer({ description: 'Who goes before me now; a better rank may still come' }),
  ),
  inLine: Type.Optional(Type.Integer({ description: 'How many wait, with me' })),
  askedAt: Time,
  waitingUrl: Type.String(),
  order: Type.Optional(Order),
});

export const OrderList = Type.Object({
  orders: Type.Array(Order),
  incomplete: Type.Optional(
    Type.Array(Type.String({ pattern: `^(${HOME_PATTERN})$` }), {
      description: 'Homes whose database does not answer now: orders in them are not among these',
    }),
  ),
});

export const CodeList = Type.Object({
  codes: Type.Array(
    Type.Object({
      row: Type.Optional(Type.String({ description: 'Missing where a unit is in none' })),
      seat: Type.String({ description: 'The seat in its row, or a serial number' }),
      code: Type.String({ description: 'What the door checks, in digits; it stays the same' }),
      svg: Type.String({ description: 'The code as a QR code: an SVG document' }),
    }),
    { description: 'One for each unit, best first; empty if the goods are not numbered' },
  ),
});

export const RequestAnswer = Type.Object({
  requestId: Type.String(),
  status: Type.String({
    description:
      'queued, then ordered (→ paid, cancelled, expired), sold_out, limit_reached, closed or rejected',
  }),
  order: Type.Optional(Order),
  reason: Type.Optional(
    Type.String({
      description:
        'Why, where the status alone does not say it. queued/delayed: safe, but an operator has to look. cancelled/by_shop, cancelled/called_off: the shop cancelled the order',
    }),
  ),
});

export const WaitQuery = Type.Object({
  wait: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 3_600,
      description: `Seconds to wait; more than ${WAIT_SECONDS_MAX} is the same as that`,
    }),
  ),
});

export const OrdersQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: Type.Optional(
      Type.String({
        description: 'From the `Link` header of the page before (rel="next"), as it stands there',
      }),
    ),
  },
  { additionalProperties: false },
);

export const GuestAnswer = Type.Object({ user: Type.String(), token: Type.String() });

const ProblemContent = {
  description: 'A problem document (RFC 9457) with a verdict',
  content: { 'application/problem+json': { schema: ProblemDocument } },
};

/** Problem documents by status, for the `response` schemas of a route. */
export function problems(...statuses: number[]): Record<number, typeof ProblemContent> {
  return Object.fromEntries(statuses.map((status) => [status, ProblemContent]));
}
