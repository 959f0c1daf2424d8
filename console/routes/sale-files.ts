import { createHash } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '../../contracts/schema-types.ts';
import { applySale, planMark } from '../../ops/sale/apply.ts';
import { readSaleFile, toDesired } from '../../ops/sale/file.ts';
import type { Plan } from '../../ops/sale/plan/parts.ts';
import { planSale } from '../../ops/sale/plan/plan.ts';
import { stepText } from '../../ops/sale/plan/step-text.ts';
import { readPresent } from '../../ops/sale/present.ts';
import { fileOfPresent, saleFileText } from '../../ops/sale/present-file.ts';
import type { SaleFile } from '../../ops/sale/schema.ts';
import { FileError, type FileProblem } from '../../ops/yaml/problems.ts';
import { FILE_LENGTH_MAX, looselyRead } from '../../ops/yaml/read.ts';
import type { Context } from '../context.ts';
import { Problem } from '../http/problems.ts';
import { ChangeFields, SaleParams } from '../http/schemas.ts';
import { personOf } from '../login/guard.ts';

/**
 * Sale files: the form of the console is another editor of them. Its text is read, checked, planned
 * and applied by the functions of `flashsale sale`. JSON is YAML, so the form sends JSON.
 */

/** JSON escapes some characters, and others take three bytes. */
const BODY_BYTES_MAX = 4 * FILE_LENGTH_MAX;
/** As people see it in messages; it has no name here. */
const FILE_NAME = 'sale';

const Text = Type.String({ maxLength: FILE_LENGTH_MAX });
const Mark = Type.String({ maxLength: 100 });

type Checked =
  | { readonly file: SaleFile }
  | { readonly file?: undefined; readonly problems: readonly FileProblem[] };

function check(text: string, imageOrigins: readonly string[]): Checked {
  try {
    return { file: readSaleFile(text, FILE_NAME, imageOrigins) };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { problems: error.problems };
  }
}

/** A file that may have problems, as YAML; null if it cannot be read at all. */
function yamlOf(text: string): string | null {
  try {
    return saleFileText(looselyRead(text) as SaleFile);
  } catch {
    return null;
  }
}

/** Differs whenever the sale that the shop has differs; empty if there is none. */
function versionOf(file: SaleFile | undefined): string {
  if (file === undefined) return '';
  return createHash('sha256').update(JSON.stringify(file)).digest('base64url');
}

/** Without its steps, as `flashsale sale plan --json` prints it. */
function shown({ sale, changes, refused, notes }: Plan) {
  return { sale, changes, refused, notes };
}

export const saleFileRoutes: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { place, drafts } = context;
  const { imageOrigins } = context.config;
  const merchant = { role: 'merchant' } as const;
  const given = { bodyLimit: BODY_BYTES_MAX, config: merchant };

  app.get(
    '/api/sale-files/:sale',
    { config: merchant, schema: { params: SaleParams } },
    async ({ params }) => {
      const present = await readPresent(place, params.sale, []);
      const file = fileOfPresent(params.sale, present);
      if (file === undefined) throw new Problem('not_found', `There is no sale ${params.sale}.`);
      const { hasOpened = false, isCalledOff = false } = present.sale ?? {};
      const switches = Object.fromEntries(present.switches);
      return { file, version: versionOf(file), hasOpened, isCalledOff, switches };
    },
  );

  app.post(
    '/api/sale-files/read',
    { ...given, schema: { body: Type.Object({ text: Text }) } },
    async ({ body }) => {
      const checked = check(body.text, imageOrigins);
      const problems = checked.file === undefined ? checked.problems : [];
      return { file: checked.file ?? null, yaml: yamlOf(body.text), problems };
    },
  );

  app.post(
    '/api/sale-files/plan',
    { ...given, schema: { body: Type.Object({ text: Text, version: Mark }) } },
    async ({ body }) => {
      const checked = check(body.text, imageOrigins);
      if (checked.file === undefined) return { problems: checked.problems };
      const desired = toDesired(checked.file);
      const names = desired.skus.map(({ sku }) => sku);
      const present = await readPresent(place, desired.sale, names);
      const plan = planSale(desired, present);
      return {
        problems: [],
        plan: shown(plan),
        mark: planMark(plan),
        countFrom: present.now.toISOString(),
        /** The sale is not the one that the form began with. */
        isChanged: versionOf(fileOfPresent(desired.sale, present)) !== body.version,
      };
    },
  );

  app.post(
    '/api/sale-files/preview',
    { ...given, schema: { body: Type.Object({ text: Text }) } },
    async (request) => {
      const { text } = request.body;
      const checked = check(text, imageOrigins);
      if (checked.file === undefined) return { problems: checked.problems };
      drafts.keep(personOf(request).id, toDesired(checked.file), text.length);
      return { problems: [], sale: checked.file.sale };
    },
  );
};

/** The change that a person has agreed to, and no other one. It goes on after the answer. */
export const saleApplyRoute: FastifyPluginAsyncTypebox<Context> = async (app, context) => {
  const { place, changes } = context;
  const { imageOrigins } = context.config;
  const Agreed = Type.Object({
    text: Text,
    mark: Mark,
    countFrom: Type.String({ format: 'date-time' }),
    ...ChangeFields,
  });
  app.post(
    '/api/sale-files/apply',
    { bodyLimit: BODY_BYTES_MAX, config: { role: 'merchant' }, schema: { body: Agreed } },
    async (request, reply) => {
      const { text, mark, countFrom, change: id, reason } = request.body;
      const checked = check(text, imageOrigins);
      if (checked.file === undefined) throw new Problem('refused', 'The sale has errors.');
      const desired = toDesired(checked.file);
      const { login } = personOf(request);
      const actor = { by: login, reason: reason.trim() };
      const facts = { id, login, sale: desired.sale, action: 'apply' };
      const change = changes.begin(facts, actor.reason, (tell) =>
        applySale(place, desired, {
          actor,
          agreed: mark,
          countFrom: new Date(countFrom),
          onStep: (step) => tell(stepText(step)),
        }),
      );
      return reply.code(202).send({ change: change.id });
    },
  );
};
