import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '../../contracts/schema-types.ts';
import { actionsOn } from '../../db/actions.ts';
import { Operator } from '../../ops/quota/operator.ts';
import type { Context } from '../context.ts';
import { personOf } from '../login/guard.ts';

/** Entries of each source in one answer. ZooKeeper keeps about 200 edits. */
const ENTRIES_MAX = 200;
const VALUE_LENGTH_MAX = 200;

const Text = Type.Union([Type.String(), Type.Null()]);
const History = Type.Object({
  entries: Type.Array(
    Type.Object({
      at: Type.String(),
      who: Type.String(),
      /** A verb; `edit` and `undo` are edits of ZooKeeper. */
      action: Type.String(),
      target: Type.String(),
      from: Text,
      to: Text,
      why: Text,
    }),
  ),
  missing: Type.Array(Type.String()),
});

/**
 * Actions of people, newest first: edits of the quota tree by hand, by commands and by the console, and
 * actions on sales and orders.
 */
export const historyRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { session, paths, databases } = context;

  app.get(
    '/api/history',
    {
      // It names shoppers, so viewers do not see it.
      config: { role: ['support', 'operator', 'merchant'] },
      schema: { response: { 200: History } },
    },
    async (request) => {
      const missing: string[] = [];
      const from = async <T>(source: string, ask: Promise<T[]>): Promise<T[]> => {
        try {
          return await ask;
        } catch (error) {
          missing.push(`${source}: ${(error as Error).message}`);
          return [];
        }
      };
      const operator = new Operator(session, paths, personOf(request).login);
      const [edits, actions] = await Promise.all([
        from('ZooKeeper', operator.history()),
        from('the database', acted()),
      ]);
      const entries = [
        ...edits.slice(-ENTRIES_MAX).map(({ at, who, path, from: before, to, why, undoes }) => ({
          at,
          who,
          action: undoes === undefined ? 'edit' : 'undo',
          target: path,
          from: short(before),
          to: short(to),
          why: why ?? null,
        })),
        ...actions,
      ];
      entries.sort((one, other) => (one.at < other.at ? 1 : one.at === other.at ? 0 : -1));
      return { entries, missing };

      async function acted() {
        const { rows, missing: homes } = await actionsOn(databases, { limit: ENTRIES_MAX });
        for (const home of homes) missing.push(`the database of ${home} does not answer`);
        return rows.map(({ at, by, action, sale, target, reason, details }) => ({
          at: at.toISOString(),
          who: by,
          action,
          target: sale === null || sale === target ? target : `${target} of ${sale}`,
          ...changeText(details),
          why: reason,
        }));
      }
    },
  );
};

/** The details of an action in words. Those that name a value before it stand on both sides. */
function changeText(details: Readonly<Record<string, unknown>>) {
  const [from, to]: [string[], string[]] = [[], []];
  for (const [key, value] of Object.entries(details)) {
    const name = key.replaceAll('_', ' ');
    const change = changeOf(value);
    if (change !== undefined) from.push(`${name}: ${valueText(change.from)}`);
    to.push(`${name}: ${valueText(change === undefined ? value : change.to)}`);
  }
  const line = (parts: string[]) => (parts.length === 0 ? null : short(parts.join('; ')));
  return { from: line(from), to: line(to) };
}

/** A value before and after: named, or as a pair. */
function changeOf(value: unknown): { readonly from: unknown; readonly to: unknown } | undefined {
  if (Array.isArray(value) && value.length === 2) return { from: value[0], to: value[1] };
  const isNamed = typeof value === 'object' && value !== null && 'from' in value && 'to' in value;
  return isNamed ? value : undefined;
}

function valueText(value: unknown): string {
  if (value === null) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value as one short line: a list can have thousands. */
function short(text: string | null): string | null {
  if (text === null) return null;
  const line = text.replaceAll(/\s*\n\s*/g, ', ');
  return line.length > VALUE_LENGTH_MAX ? `${line.slice(0, VALUE_LENGTH_MAX)}…` : line;
}
