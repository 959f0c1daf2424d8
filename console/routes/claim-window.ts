import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NAME_PATTERN } from '../../contracts/names.ts';
import { Type } from '../../contracts/schema-types.ts';
import { changeClaimWindow } from '../../ops/sale/claim-window.ts';
import type { Context } from '../context.ts';
import { Reason } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';

const VALUE_LENGTH_MAX = 8;

const ClaimWindow = Type.Object({
  sale: Type.String({ pattern: NAME_PATTERN }),
  /** Such as `2h`; null: as long as the shop usually gives. */
  value: Type.Union([Type.String({ minLength: 1, maxLength: VALUE_LENGTH_MAX }), Type.Null()]),
});
const Body = Type.Object({
  ...ClaimWindow.properties,
  // The record of actions needs one.
  reason: Reason,
});

/** Sets how long shoppers of a sale's waitlist have to pay, as `flashsale sale claim-window` does. */
export const claimWindowRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, log } = context;

  app.post(
    '/api/claim-window',
    { config: { role: 'operator' }, schema: { body: Body, response: { 200: ClaimWindow } } },
    async (request) => {
      const { sale, value, reason } = request.body;
      const { login: by } = personOf(request);
      await changeClaimWindow(databases, sale, value, { by, reason });
      log.info({ login: by, sale, value, reason }, 'an operator set a claim window');
      return { sale, value };
    },
  );
};
