import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ORDER_NO_PATTERN, REQUEST_ID_FORM } from '../../contracts/ids.ts';
import { Type } from '../../contracts/schema-types.ts';
import type { Order, OrderNotice, RefusedRequestFacts } from '../../db/calls.ts';
import { findOrders } from '../../ops/orders/find.ts';
import {
  NOT_SEARCHED,
  receiptSentence,
  refusalText,
  type Sentence,
  sendText,
} from '../../ops/orders/sentences.ts';
import { type RequestStory, storyOfOrder, storyOfRequest } from '../../ops/orders/story.ts';
import { tell } from '../../ops/orders/tell.ts';
import { findUndecided } from '../../ops/orders/undecided.ts';
import { Operator } from '../../ops/quota/operator.ts';
import { isAway } from '../../ops/quota/overview.ts';
import { listEntries } from '../../zk/tree/list-text.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { NOT_BLANK } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';

/** Customer service reads here: it finds orders and requests, and the story of each. */

const TEXT_LENGTH_MAX = 500;

const OptionalText = Type.Union([Type.String(), Type.Null()]);
/** A text as parts, so that the page shows times in the time zone of its reader. */
const Parts = Type.Array(
  Type.Object({ text: Type.Optional(Type.String()), time: Type.Optional(Type.String()) }),
);
const OrderDocument = Type.Object({
  orderNo: Type.String(),
  requestId: Type.String(),
  userId: Type.String(),
  sale: Type.String(),
  sku: Type.String(),
  units: Type.Integer(),
  amount: Type.String(),
  currency: Type.String(),
  status: Type.String(),
  createdAt: Type.String(),
});
const RequestDocument = Type.Object({
  requestId: Type.String(),
  userId: Type.String(),
  sku: Type.String(),
  at: Type.String(),
  says: Type.String(),
});
const Finding = Type.Object({
  orders: Type.Array(OrderDocument),
  hasMore: Type.Boolean(),
  refused: Type.Array(RequestDocument),
  /** The limits of a search, for one without a hit. */
  hint: Type.String(),
  undecided: OptionalText,
  receipt: OptionalText,
  places: Type.Array(
    Type.Object({
      userId: Type.String(),
      sku: Type.String(),
      state: Type.String(),
      askedAt: Type.String(),
    }),
  ),
  missing: Type.Array(Type.String()),
});
const Story = Type.Object({
  requestId: Type.String(),
  /** Null: the request is not known. */
  userId: OptionalText,
  order: Type.Union([OrderDocument, Type.Null()]),
  now: Type.Array(Parts),
  moments: Type.Array(Type.Object({ at: OptionalText, says: Parts })),
  notices: Type.Array(
    Type.Object({
      noticeNo: Type.String(),
      kind: Type.String(),
      channel: Type.String(),
      state: Type.String(),
      /** The text of a button that sends it; null: it cannot be sent. */
      send: OptionalText,
    }),
  ),
  /** Whether web nodes refuse the shopper; null: not known. */
  isBlocked: Type.Union([Type.Boolean(), Type.Null()]),
});

export const customerRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, broker, log } = context;
  const config = { role: ['support', 'merchant'] } as const;
  const sources = { databases, findUndecided: (id: string) => findUndecided(broker, id) };

  // The text may name a person. In an address it would stand in the logs of proxies.
  app.post(
    '/api/customers/find',
    {
      config,
      schema: {
        body: Type.Object({
          text: Type.String({
            minLength: 1,
            maxLength: TEXT_LENGTH_MAX,
            pattern: NOT_BLANK,
          }),
        }),
        response: { 200: Finding },
      },
    },
    async (request) => {
      const { body } = request;
      log.info({ login: personOf(request).login }, 'customer service: find');
      const { orders, hasMore, refused, undecided, receipt, places, missing } = await findOrders(
        databases,
        body.text,
      );
      return {
        orders: orders.map(orderJson),
        hasMore,
        refused: refused.map(requestJson),
        hint: NOT_SEARCHED,
        undecided: undecided ?? null,
        receipt: receipt ? receiptSentence(receipt) : null,
        places: places.map(({ userId, sku, state, askedAt }) => ({
          ...{ userId, sku, state },
          askedAt: askedAt.toISOString(),
        })),
        missing: [...missing],
      };
    },
  );

  const ofOrder = Type.Object({ orderNo: Type.String({ pattern: ORDER_NO_PATTERN }) });
  app.get(
    '/api/orders/:orderNo',
    { config, schema: { params: ofOrder, response: { 200: Story } } },
    async (request) => {
      const { params } = request;
      log.info({ login: personOf(request).login, ...params }, 'customer service: read');
      const story = await storyOfOrder(sources, params.orderNo);
      if (story === undefined) throw new Problem('not_found', 'There is no such order.');
      return await storyJson(story, context);
    },
  );

  const ofRequest = Type.Object({ requestId: Type.String({ pattern: `^${REQUEST_ID_FORM}$` }) });
  app.get(
    '/api/requests/:requestId',
    { config, schema: { params: ofRequest, response: { 200: Story } } },
    async (request) => {
      const requestId = request.params.requestId.toLowerCase();
      log.info({ login: personOf(request).login, requestId }, 'customer service: read');
      return await storyJson(await storyOfRequest(sources, requestId), context);
    },
  );
};

async function storyJson(story: RequestStory, context: Context) {
  const { requestId, request, ordered, undecided } = story;
  const userId = ordered?.order.userId ?? request?.userId ?? undecided?.letter?.userId ?? null;
  const block = userId === null ? { isBlocked: null, says: [] } : await blockOf(userId, context);
  const { now, moments } = tell(story, new Date());
  return {
    requestId,
    userId,
    order: ordered ? orderJson(ordered.order) : null,
    now: [...now, ...block.says].map(partsOf),
    moments: moments.map(({ at, says }) => ({
      at: at?.toISOString() ?? null,
      says: partsOf(says),
    })),
    notices: ordered?.notices.map(noticeJson) ?? [],
    isBlocked: block.isBlocked,
  };
}

interface Block {
  readonly isBlocked: boolean | null;
  readonly says: readonly Sentence[];
}

async function blockOf(userId: string, { session, paths }: Context): Promise<Block> {
  const operator = new Operator(session, paths, 'nobody: it only reads');
  const isOn = async (list: 'block/users' | 'allow/users') =>
    listEntries((await operator.list(list)).text).includes(userId);
  try {
    const [isBlocked, isAllowed] = await Promise.all([isOn('block/users'), isOn('allow/users')]);
    if (!isBlocked) return { isBlocked, says: [] };
    const text = isAllowed
      ? 'The shopper is on the list of blocked users, without effect: an operator put the user on the list of allowed users as well.'
      : 'The shopper is blocked: web nodes refuse every purchase of this user.';
    return { isBlocked, says: [[text]] };
  } catch (error) {
    if (!isAway(error)) throw error;
    const text = 'Missing here: whether the shopper is blocked. ZooKeeper does not answer.';
    return { isBlocked: null, says: [[text]] };
  }
}

function partsOf(sentence: Sentence) {
  return sentence.map((part) =>
    part instanceof Date ? { time: part.toISOString() } : { text: part },
  );
}

function orderJson(order: Order) {
  const { orderNo, requestId, userId, sale, sku, units, amount, currency, status } = order;
  const createdAt = order.createdAt.toISOString();
  return { orderNo, requestId, userId, sale, sku, units, amount, currency, status, createdAt };
}

function requestJson(request: RefusedRequestFacts) {
  const { requestId, userId, sku, decidedAt } = request;
  return { requestId, userId, sku, at: decidedAt.toISOString(), says: refusalText(request) };
}

function noticeJson(notice: OrderNotice) {
  const { noticeNo, kind, channel, state } = notice;
  return { noticeNo, kind, channel, state, send: state === 'held' ? null : sendText(notice) };
}
