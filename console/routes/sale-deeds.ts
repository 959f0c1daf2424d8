import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NAME_PATTERN } from '../../contracts/names.ts';
import { type Static, type TSchema, Type } from '../../contracts/schema-types.ts';
import type { ReasonedActor } from '../../db/calls.ts';
import { callOff, tellOnce } from '../../ops/sale/call-off.ts';
import {
  ChangeRefused,
  closeSale,
  extendSale,
  openSale,
  pauseSale,
  removeSaleAtOnce,
  restockSku,
} from '../../ops/sale/life.ts';
import { UNTIL_FORM, untilOf } from '../../ops/sale/times.ts';
import type { Worked } from '../changes.ts';
import type { Context } from '../context.ts';
import { type ChangeBody, ChangeFields, SaleParams } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';

/** The life of a sale, by the functions of `flashsale sale`. */

const UNITS_MAX = 999_999_999;
const UNTIL_LENGTH_MAX = 40;

interface Call<Body> {
  readonly sale: string;
  readonly actor: ReasonedActor;
  readonly body: Body;
  readonly tell: (line: string) => void;
}

export const saleDeedRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, place, changes, session, paths } = context;
  const merchant = { role: 'merchant' } as const;

  /** Adds the route of one deed, which goes on after the answer. */
  function deed<Body extends TSchema>(
    action: string,
    body: Body,
    work: (call: Call<Static<Body>>) => Promise<Worked>,
  ): void {
    app.post(
      `/api/sales/:sale/${action}`,
      { config: merchant, schema: { params: SaleParams, body } },
      async (request, reply) => {
        const { login } = personOf(request);
        const given = request.body as Static<Body> & ChangeBody;
        const actor = { by: login, reason: given.reason.trim() };
        const { sale } = request.params as { sale: string };
        const facts = { id: given.change, login, sale, action };
        const change = changes.begin(facts, actor.reason, (tell) =>
          work({ sale, actor, body: given, tell }),
        );
        return reply.code(202).send({ change: change.id });
      },
    );
  }

  const reason = ChangeFields;
  for (const [action, work] of [
    ['open', openSale],
    ['pause', pauseSale],
    ['close', closeSale],
    ['remove', removeSaleAtOnce],
  ] as const) {
    deed(action, Type.Object(reason), ({ sale, actor }) => work(place, sale, actor));
  }
  const Until = Type.String({ maxLength: UNTIL_LENGTH_MAX });
  deed('extend', Type.Object({ until: Until, ...reason }), ({ sale, actor, body }) => {
    const until = untilOf(body.until);
    if (until === undefined) throw new ChangeRefused(`${body.until} is not ${UNTIL_FORM}`);
    return extendSale(place, sale, until, actor);
  });
  const More = Type.Object({
    sku: Type.String({ pattern: NAME_PATTERN }),
    units: Type.Integer({ minimum: 1, maximum: UNITS_MAX }),
    ...reason,
  });
  deed('restock', More, ({ sale, actor, body }) =>
    restockSku(place, body.sku, body.units, actor, sale),
  );
  deed('call-off', Type.Object(reason), async ({ sale, actor, tell }) => {
    const { isComplete, state } = await callOff(
      { databases, session, paths },
      sale,
      actor,
      tellOnce(tell),
    );
    const { refundsDue, sessions, paying } = state;
    const rest = `${refundsDue} refunds, ${sessions} sessions and ${paying} payments still wait for the provider`;
    return { done: [isComplete ? 'nothing is left to do' : `${rest}: call it off again`] };
  });
};
