import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ORDER_NO_PATTERN } from '../../contracts/ids.ts';
import { USER_ID_LENGTH_MAX } from '../../contracts/names.ts';
import { Type } from '../../contracts/schema-types.ts';
import {
  cancelForShopper,
  noteOrder,
  type ReasonedActor,
  refundOrder,
  resendNotice,
} from '../../db/calls.ts';
import type { Databases } from '../../db/client/pool.ts';
import { acknowledged } from '../../ops/quota/acknowledge.ts';
import { Operator } from '../../ops/quota/operator.ts';
import { Reader } from '../../ops/quota/overview.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { Reason } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';
import { ACKNOWLEDGE } from './steering.ts';

/**
 * The changes of customer service, by the same functions as `flashsale orders`, `notices` and `lists`. Each
 * change needs a reason, which is recorded with the person.
 */

const Digits = Type.String({ pattern: ORDER_NO_PATTERN });
const config = { role: ['support', 'merchant'] } as const;
const Done = Type.Object({ says: Type.String() });

type Change = (databases: Databases, orderNo: string, actor: ReasonedActor) => Promise<string>;

/** Each answer of a routine in words for the person who asked. */
const SAYS: Readonly<Record<string, string>> = {
  cancelled: 'The order is cancelled.',
  refund_due: 'The order is cancelled, and its payment goes back.',
  noted: 'The remark is in the history of the order.',
};
const REFUSED: Readonly<Record<string, string>> = {
  ordered: 'The order is unpaid: cancel it.',
  paid: 'The order is paid: refund it.',
  expired: 'The order has expired. There is nothing to end.',
  not_found: 'There is no such order.',
};

export const serviceRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, log } = context;

  const changes: Readonly<Record<string, Change>> = {
    cancel: cancelForShopper,
    refund: refundOrder,
    note: async (...all) => ((await noteOrder(...all)) ? 'noted' : 'not_found'),
  };
  for (const [name, change] of Object.entries(changes)) {
    app.post(
      `/api/orders/:orderNo/${name}`,
      {
        config,
        schema: {
          params: Type.Object({ orderNo: Digits }),
          body: Type.Object({ reason: Reason }),
          response: { 200: Done },
        },
      },
      async (request) => {
        const { login } = personOf(request);
        const { orderNo } = request.params;
        const actor = { by: login, reason: request.body.reason.trim() };
        const result = await change(databases, orderNo, actor);
        log.info({ login, orderNo, result }, `customer service: ${name}`);
        if (result === 'not_found') throw new Problem('not_found', REFUSED[result]);
        const says = SAYS[result];
        if (says === undefined) throw new Problem('refused', REFUSED[result]);
        return { says };
      },
    );
  }

  app.post(
    '/api/notices/:noticeNo/resend',
    {
      config,
      schema: {
        params: Type.Object({ noticeNo: Digits }),
        body: Type.Object({ reason: Reason }),
        response: { 200: Done },
      },
    },
    async (request) => {
      const { login } = personOf(request);
      const { noticeNo } = request.params;
      const actor = { by: login, reason: request.body.reason.trim() };
      const isSent = await resendNotice(databases, noticeNo, actor);
      log.info({ login, noticeNo, isSent }, 'customer service: resend');
      if (!isSent) {
        throw new Problem(
          'refused',
          'The notice cannot be sent: it is gone, or the owner of the address has not confirmed it.',
        );
      }
      return { says: 'The notice is sent again, as a message of its own.' };
    },
  );
};

/** Puts shoppers on the operators' list of blocked users, and takes them off again. */
export const blockRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { session, paths, log } = context;
  const reader = new Reader(session, paths);
  for (const name of ['block', 'unblock'] as const) {
    app.post(
      `/api/customers/${name}`,
      {
        config,
        schema: {
          body: Type.Object({
            userId: Type.String({ minLength: 1, maxLength: USER_ID_LENGTH_MAX }),
            reason: Reason,
          }),
          response: { 200: Done },
        },
      },
      async (request) => {
        const { login } = personOf(request);
        const { userId, reason } = request.body;
        const operator = new Operator(session, paths, login, reason.trim());
        const made = await (name === 'block'
          ? operator.addTo('block/users', [userId])
          : operator.removeFrom('block/users', [userId]));
        // Without the user: a log names no shopper.
        log.info({ login }, `customer service: ${name}`);
        const { nodes, notApplied } = await acknowledged(reader, paths.nodes, made, ACKNOWLEDGE);
        const what = name === 'block' ? 'The shopper is blocked' : 'The shopper is not blocked';
        return {
          says:
            notApplied.length === 0
              ? `${what}, on all ${nodes} web nodes.`
              : `It is written, and not in force yet: ${notApplied.join(', ')}.`,
        };
      },
    );
  }
};
