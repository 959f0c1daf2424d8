import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { isRehearsal } from '../../contracts/rehearsal.ts';
import { Type } from '../../contracts/schema-types.ts';
import { type SaleBoard, saleBoard } from '../../db/calls.ts';
import { Reader } from '../../ops/quota/overview.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';

/** The sales of the shop, and how far the changes of them are. */

export const saleRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { databases, changes, session, paths, config } = context;
  const reader = new Reader(session, paths);
  const merchant = { role: 'merchant' } as const;

  /** The settings of operators for the SKUs of sales that are not over. */
  async function statesOf({ sales, serverTime }: SaleBoard): Promise<States> {
    const names = sales
      .filter(({ closesAt }) => closesAt > serverTime)
      .flatMap(({ skus }) => skus.map(({ sku }) => sku));
    const state = (sku: string) => reader.inForce(paths.sku(sku).state);
    return new Map(await Promise.all(names.map(async (sku) => [sku, await state(sku)] as const)));
  }

  app.get('/api/sales', { config: merchant }, async () => {
    const board = withoutRehearsals(await saleBoard(databases));
    const { shopUrl = null } = config;
    return { ...salesJson(board, await statesOf(board)), shopUrl };
  });

  app.get(
    '/api/changes/:id',
    { config: merchant, schema: { params: Type.Object({ id: Type.String({ maxLength: 36 }) }) } },
    async ({ params }) => {
      const change = changes.find(params.id);
      if (change === undefined) {
        throw new Problem('not_found', 'The console does not know this change any more.');
      }
      return change;
    },
  );
};

/** Operators see them, in the live view and the commands. */
function withoutRehearsals({ sales, ...rest }: SaleBoard): SaleBoard {
  return { ...rest, sales: sales.filter(({ sale }) => !isRehearsal(sale)) };
}

type States = ReadonlyMap<string, string | null>;

function salesJson({ sales, serverTime, missing }: SaleBoard, states: States) {
  return {
    serverTime: serverTime.toISOString(),
    missing: missing.map((home) => `the database of ${home} does not answer`),
    sales: sales.map(({ sale, title, opensAt, closesAt, isCalledOff, skus }) => ({
      ...{ sale, title, isCalledOff },
      opensAt: opensAt.toISOString(),
      closesAt: closesAt.toISOString(),
      skus: skus.map(({ sku, unitsTotal, free, isKnown, zone }) => ({
        sku,
        // The stock of daily goods does not end, and that of a home that is away is not known.
        ...(isKnown && zone === null ? { units: unitsTotal, free } : { units: null, free: null }),
        ...(zone !== null && { isDaily: true }),
        state: states.get(sku) ?? null,
      })),
    })),
  };
}
