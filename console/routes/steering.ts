import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NAME_PATTERN } from '../../contracts/names.ts';
import { type Static, type TSchema, Type } from '../../contracts/schema-types.ts';
import { acknowledged } from '../../ops/quota/acknowledge.ts';
import { type Edit, Operator } from '../../ops/quota/operator.ts';
import { Reader } from '../../ops/quota/overview.ts';
import { listEntries } from '../../zk/tree/list-text.ts';
import { LIST_NAMES } from '../../zk/tree/lists.ts';
import type { Context } from '../context.ts';
import { Reason } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';

/**
 * The operators' edits, by the same functions as `flashsale quota` and `flashsale lists`. An answer
 * tells which web nodes have not applied the edit yet.
 */

/** A poll reads a few values of each web node. People do not notice these milliseconds. */
export const ACKNOWLEDGE = { timeoutMs: 5_000, pollMs: 50 };
const VALUE_LENGTH_MAX = 64;
const ENTRIES_MAX = 1_000;
const ENTRY_LENGTH_MAX = 128;

const Sku = Type.String({ pattern: NAME_PATTERN });
const Value = Type.String({ minLength: 1, maxLength: VALUE_LENGTH_MAX });
const OptionalValue = Type.Union([Value, Type.Null()]);
const Entries = Type.Array(Type.String({ minLength: 1, maxLength: ENTRY_LENGTH_MAX }), {
  minItems: 1,
  maxItems: ENTRIES_MAX,
});

const reason = { reason: Type.Optional(Reason) };
const ForAllOrOne = Type.Object({ sku: Type.Optional(Sku), value: OptionalValue, ...reason });
const List = Type.Object({ list: Type.Enum([...LIST_NAMES]), entries: Entries, ...reason });

/** The transaction that wrote it. */
const EditId = Type.String({ pattern: '^[0-9]{1,20}$' });
const Text = Type.Union([Type.String(), Type.Null()]);
const Change = { path: Type.String(), from: Text, to: Text };
const LastEdit = Type.Object({
  edit: Type.Union([
    Type.Object({ id: EditId, at: Type.String(), who: Type.String(), ...Change }),
    Type.Null(),
  ]),
});

const Acknowledgement = Type.Object({
  ...Change,
  ms: Type.Integer(),
  nodes: Type.Integer(),
  notApplied: Type.Array(Type.String()),
});

const Lists = Type.Object({
  lists: Type.Array(
    Type.Object({
      list: Type.String(),
      entries: Type.Array(Type.String()),
      refused: Type.Optional(Type.String()),
    }),
  ),
});

export const steeringRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { session, paths, log } = context;
  const reader = new Reader(session, paths);
  const role = 'operator' as const;

  /** Adds the route of one kind of edit. Its body always may have a reason. */
  function edit<Body extends TSchema>(
    kind: string,
    body: Body,
    make: (operator: Operator, body: Static<Body>) => Promise<Edit>,
  ): void {
    app.post(
      `/api/edits/${kind}`,
      { config: { role }, schema: { body, response: { 200: Acknowledgement } } },
      async (request) => {
        const { login } = personOf(request);
        const given = request.body as Static<Body> & { reason?: string };
        const made = await make(new Operator(session, paths, login, given.reason), given);
        const { path, from, to } = made;
        // Without the value: lists name people.
        log.info({ login, path, reason: given.reason }, 'an operator edited');
        const seen = await acknowledged(reader, paths.nodes, made, ACKNOWLEDGE);
        return { path, from, to, ...seen, notApplied: [...seen.notApplied] };
      },
    );
  }

  edit('quota', Type.Object({ sku: Sku, value: Value, ...reason }), (operator, { sku, value }) =>
    operator.quota(sku, value),
  );
  edit('state', Type.Object({ sku: Sku, value: Value, ...reason }), (operator, { sku, value }) =>
    operator.state(sku, value),
  );
  edit('keep', ForAllOrOne, (operator, { sku, value }) => operator.keep(sku, value));
  edit('challenge', ForAllOrOne, (operator, { sku, value }) => operator.challenge(sku, value));
  edit('shed', Type.Object({ value: Value, ...reason }), (operator, { value }) =>
    operator.shed(value),
  );
  const Waitlist = Type.Object({ sku: Sku, value: Value, ...reason });
  edit('waitlist', Waitlist, (operator, { sku, value }) => operator.waitlist(sku, value));
  const Pin = Type.Object({ sku: Sku, node: Value, value: OptionalValue, ...reason });
  edit('pin', Pin, (operator, { sku, node, value }) => operator.pin(sku, node, value));
  edit('list-add', List, (operator, { list, entries }) => operator.addTo(list, entries));
  edit('list-remove', List, (operator, { list, entries }) => operator.removeFrom(list, entries));
  // It names the edit that the person has seen: another one may have come since.
  edit('undo', Type.Object({ edit: EditId, ...reason }), (operator, { edit: id }) =>
    operator.undo(BigInt(id)),
  );

  app.get(
    '/api/edits/last',
    { config: { role }, schema: { response: { 200: LastEdit } } },
    async (request) => {
      const last = await new Operator(session, paths, personOf(request).login).lastEdit();
      if (last === undefined) return { edit: null };
      const { zxid, at, who, path, from, to } = last;
      return { edit: { id: String(zxid), at, who, path, from, to } };
    },
  );

  // The lists name people, so viewers do not see them.
  app.get(
    '/api/lists',
    { config: { role }, schema: { response: { 200: Lists } } },
    async (request) => {
      const operator = new Operator(session, paths, personOf(request).login);
      const lists = await Promise.all(
        LIST_NAMES.map(async (list) => {
          const { text, refusal } = await operator.list(list);
          const refused = refusal === undefined ? {} : { refused: refusal };
          return { list, entries: listEntries(text), ...refused };
        }),
      );
      return { lists };
    },
  );
};
