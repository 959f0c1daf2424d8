import { ECDH } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { emailAddressOf, maskedAddress } from '../../contracts/email-address.ts';
import type { NoticeOffer } from '../../contracts/notice-config.ts';
import { contactOfToken, noticePage } from '../../contracts/notice-links.ts';
import { NOTICE_LANGUAGES, reminderOf } from '../../contracts/notices.ts';
import { checkUrl } from '../../contracts/public-url.ts';
import type { Static } from '../../contracts/schema-types.ts';
import {
  type AddContactResult,
  addNoticeContact,
  confirmNoticeContact,
  forgetNoticeContacts,
  type NoticeContact,
  noticeContacts,
  userOrders,
} from '../../db/calls.ts';
import { guards } from '../authenticate.ts';
import type { Context } from '../context.ts';
import {
  NoticeAnswer,
  NoticeBody,
  NoticeConfirmed,
  NoticeParams,
  NoticeSettings,
  NoticeToken,
} from '../http/notice-schemas.ts';
import { Problem, type Refusal } from '../http/problems.ts';
import { problems } from '../http/schemas.ts';

/**
 * Where shoppers want to be told of their orders. What is sent, and when, is the workers' part. Addresses are
 * in no log: they are only in bodies. A path holds only the token that unsubscribes, as RFC 8058 wants.
 */

const PATH = '/api/v1/sales/:sale/notices';
const SETTINGS_SECONDS = 60;
/** Unpaid orders that a new contact is reminded of. */
const REMINDED_ORDERS_MAX = 20;
/** The body of a one-click call is not read further. */
const ONE_CLICK_BYTES_MAX = 4_096;

const REFUSALS: Readonly<Record<Exclude<AddContactResult, 'added' | 'known'>, Refusal>> = {
  questions: {
    verdict: 'rate_limited',
    detail:
      'Several confirmations were sent already. Look for the last one, or try again tomorrow.',
    retryAfterSeconds: 3_600,
  },
  full: { verdict: 'overloaded', detail: 'No more addresses can be taken at this moment.' },
  over: { verdict: 'closed' },
  unknown_sale: { verdict: 'not_found' },
};

type Body = Static<typeof NoticeBody>;

export const noticeRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { notices } = context.config;
  app.get(
    '/api/v1/notices',
    {
      schema: {
        summary: 'How shoppers can be told off the page',
        response: { 200: NoticeSettings },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${SETTINGS_SECONDS}`);
      const { email = false, pushKey } = notices ?? {};
      return { email, ...(pushKey !== undefined && { pushKey }), languages: [...NOTICE_LANGUAGES] };
    },
  );
  if (notices === undefined) return;
  await app.register(contactRoutes, { ...context, notices });
  await app.register(linkRoutes, { ...context, notices });
};

type OfferedContext = Context & { readonly notices: NoticeOffer };

/** A shopper's own contacts. */
const contactRoutes: FastifyPluginAsyncTypebox<OfferedContext> = async (app, context) => {
  const { databases, catalogue, notices } = context;
  const { user, unblocked, owner } = guards(context);
  const security = [{ bearer: [] }];
  const mine = async (sale: string, userId: string) => ({
    sale,
    contacts: (await noticeContacts(databases, sale, userId)).map(contactJson),
  });

  app.post(
    PATH,
    {
      onRequest: user,
      preHandler: unblocked,
      schema: {
        summary:
          'Tell me of my orders of this sale by e-mail or Web Push; asking again changes nothing',
        security,
        params: NoticeParams,
        body: NoticeBody,
        response: { 201: NoticeAnswer, ...problems(400, 401, 403, 404, 410, 429, 503) },
      },
    },
    async ({ params: { sale }, body, userId }, reply) => {
      const contacts = contactsOf(body, notices);
      if (!catalogue.hasSale(sale)) throw new Problem('not_found');
      const { orders } = await userOrders(databases, userId, { limit: REMINDED_ORDERS_MAX });
      const reminders = orders
        .filter((order) => order.sale === sale && order.status === 'ordered')
        .flatMap((order) => reminderOf({ ...order, userId }));
      for (const contact of contacts) {
        const { language } = body;
        const result = await addNoticeContact(databases, {
          ...contact,
          sale,
          userId,
          language,
          reminders,
        });
        if (result === 'added' || result === 'known') continue;
        const { verdict, ...options } = REFUSALS[result];
        throw new Problem(verdict, options);
      }
      return reply.code(201).send(await mine(sale, userId));
    },
  );

  app.get(
    PATH,
    {
      onRequest: owner,
      schema: {
        summary: 'Where I am told of my orders of this sale',
        security,
        params: NoticeParams,
        response: { 200: NoticeAnswer, ...problems(400, 401, 429, 503) },
      },
    },
    async ({ params: { sale }, userId }) => mine(sale, userId),
  );

  app.delete(
    PATH,
    {
      onRequest: owner,
      schema: {
        summary: 'Forget where I am told, and what was to be told',
        security,
        params: NoticeParams,
        response: { 204: { type: 'null' }, ...problems(400, 401, 429, 503) },
      },
    },
    async ({ params: { sale }, userId }, reply) => {
      await forgetNoticeContacts(databases, { userId, sale });
      return reply.code(204).send(null);
    },
  );
};

/** What the signed links of messages lead to. They need no login. */
const linkRoutes: FastifyPluginAsyncTypebox<OfferedContext> = async (app, context) => {
  const { databases, notices } = context;
  const onRequest = guards(context).stranger;
  // Mail programs send a form (RFC 8058). What it says does not matter: the URL says it all.
  app.addContentTypeParser(
    ['application/x-www-form-urlencoded', 'multipart/form-data'],
    { parseAs: 'buffer', bodyLimit: ONE_CLICK_BYTES_MAX },
    (_request, _body, done) => done(null),
  );

  app.post(
    '/api/v1/notices/confirm',
    {
      onRequest,
      schema: {
        summary: 'Confirm an e-mail address, with the token of the link that was sent there',
        body: NoticeToken,
        response: { 200: NoticeConfirmed, ...problems(400, 404, 429, 503) },
      },
    },
    async ({ body }) => {
      const contact = contactOfToken(notices.secret, 'confirm', body.token);
      const sale = contact && (await confirmNoticeContact(databases, contact));
      if (sale === undefined) throw new Problem('not_found');
      return { sale };
    },
  );

  const UNSUBSCRIBE = '/api/v1/notices/unsubscribe/:token';
  app.post(
    UNSUBSCRIBE,
    {
      onRequest,
      schema: {
        summary: 'Unsubscribe with one click (RFC 8058), with the token of a message',
        params: NoticeToken,
        response: { 204: { type: 'null' }, ...problems(404, 429, 503) },
      },
    },
    async ({ params }, reply) => {
      const contact = contactOfToken(notices.secret, 'unsubscribe', params.token);
      if (contact === undefined) throw new Problem('not_found');
      await forgetNoticeContacts(databases, { contact });
      return reply.code(204).send(null);
    },
  );

  app.get(
    UNSUBSCRIBE,
    { schema: { summary: 'The page that asks whether to unsubscribe', params: NoticeToken } },
    async ({ params }, reply) =>
      reply.redirect(noticePage('unsubscribe', encodeURIComponent(params.token)), 303),
  );
};

/** @throws {Problem} bad_request */
function contactsOf(
  { email, push }: Body,
  { email: hasEmail, pushKey, allowPrivate }: NoticeOffer,
) {
  const refuse = (detail: string) => new Problem('bad_request', { detail });
  if (email === undefined && push === undefined) throw refuse('email or push is needed');
  const contacts = [];
  if (email !== undefined) {
    if (!hasEmail) throw refuse('this shop sends no e-mail');
    const address = emailAddressOf(email);
    if (address === undefined) throw refuse('email is not an address that can be written to');
    contacts.push({ channel: 'email' as const, address });
  }
  if (push !== undefined) {
    if (pushKey === undefined) throw refuse('this shop has no Web Push');
    const { endpoint, keys } = push;
    try {
      checkUrl(endpoint, { allowHttp: allowPrivate, allowPrivate });
    } catch (error) {
      throw refuse(`push.endpoint cannot be called: ${(error as Error).message}`);
    }
    if (!isCurvePoint(keys.p256dh)) throw refuse('push.keys.p256dh is not a key of P-256');
    contacts.push({ channel: 'push' as const, address: endpoint, keys });
  }
  return contacts;
}

function isCurvePoint(key: string): boolean {
  try {
    ECDH.convertKey(key, 'prime256v1', 'base64url');
    return true;
  } catch {
    return false;
  }
}

function contactJson(contact: NoticeContact): Static<typeof NoticeAnswer>['contacts'][number] {
  const { contact: id, channel, address, language, confirmedAt, createdAt } = contact;
  return {
    id,
    channel,
    ...(channel === 'email' && { address: maskedAddress(address) }),
    language,
    status: confirmedAt === null ? 'unconfirmed' : 'confirmed',
    createdAt: createdAt.toISOString(),
  };
}
