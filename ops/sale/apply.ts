import { createHash } from 'node:crypto';
import type { Actor } from '../../db/actions.ts';
import { changeSale, changeSku, createSale, createSku, restock } from '../../db/calls.ts';
import { patiently } from '../../db/client/homes.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { type Edit, Operator } from '../quota/operator.ts';
import type { DesiredSale } from './desired.ts';
import { SALES_LOCK, type SalePlace } from './place.ts';
import type { Plan, PlanOptions, Step } from './plan/parts.ts';
import { planSale } from './plan/plan.ts';
import { readPresent } from './present.ts';

/** Makes a sale what somebody wants it to be. Interrupted anywhere and called again, it ends right. */

/** Pause between two attempts to get the lock while another command changes sales. */
const LOCK_PAUSE_MS = 200;

/** Something that the file asks for cannot be. Nothing was changed. */
export class SaleRefused extends Error {
  override name = 'SaleRefused';
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(
      plan.refused
        .map(({ target, field, from, to, reason }) => {
          const change = from === null ? (to ?? '') : `${from} → ${to ?? 'nothing'}`;
          return `${target} ${field}: ${change} is refused: ${reason}`;
        })
        .join('\n'),
    );
    this.plan = plan;
  }
}

/** The plan is not the one that a person has agreed to: something changed meanwhile. Nothing was done. */
export class PlanChanged extends Error {
  override name = 'PlanChanged';
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(`${plan.sale} was changed meanwhile, so the plan is another one now`);
    this.plan = plan;
  }
}

export interface ApplyOptions extends PlanOptions {
  readonly actor: Actor;
  /** The mark of the plan that a person has seen (`planMark`). No other plan is carried out. */
  readonly agreed?: string | undefined;
  /** Called before each step. */
  readonly onStep?: (step: Step) => void;
}

export interface Applied {
  readonly plan: Plan;
  /** Edits of ZooKeeper, to wait for. */
  readonly edits: readonly Edit[];
}

/** Returns what would change. Changes nothing. @throws {DatabaseError | Error} */
export async function planOf(
  place: SalePlace,
  desired: DesiredSale,
  options: PlanOptions = {},
): Promise<Plan> {
  // Throws if there is no such home, before anything is changed.
  for (const { schema } of desired.skus) place.databases.home(schema);
  const names = desired.skus.map(({ sku }) => sku);
  return planSale(desired, await readPresent(place, desired.sale, names), options);
}

/** Two plans with the same mark do the same. */
export function planMark({ changes, steps }: Plan): string {
  return createHash('sha256')
    .update(JSON.stringify([changes, steps]))
    .digest('base64url');
}

/**
 * Only one call at a time changes sales; a second one waits for up to 20 s.
 *
 * @throws {SaleRefused} when any part of it cannot be; nothing was changed then
 * @throws {PlanChanged} when the plan is not the agreed one; nothing was changed then
 * @throws {DatabaseError | EditRefused | Error}
 */
export function applySale(
  place: SalePlace,
  desired: DesiredSale,
  options: ApplyOptions,
): Promise<Applied> {
  return withSalesLock(place, async () => {
    const plan = await planOf(place, desired, options);
    if (plan.refused.length > 0) throw new SaleRefused(plan);
    const { agreed } = options;
    if (agreed !== undefined && planMark(plan) !== agreed) throw new PlanChanged(plan);
    const edits: Edit[] = [];
    for (const step of plan.steps) {
      options.onStep?.(step);
      const edit = await carryOut(place, desired, step, options.actor);
      if (edit !== undefined) edits.push(edit);
    }
    return { plan, edits };
  });
}

/**
 * Calls `work`, once, while no other command changes sales. Waits for up to 20 s for the others. A lock that
 * `work` itself meets is its error: a part of it may be done, and doing it twice may do more.
 */
export async function withSalesLock<T>(
  { databases }: Pick<SalePlace, 'databases'>,
  work: () => Promise<T>,
): Promise<T> {
  const [outcome] = await patiently(
    () => databases.regular.locked(SALES_LOCK, () => Promise.allSettled([work()])),
    LOCK_PAUSE_MS,
  );
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function carryOut(
  { databases, session, root }: SalePlace,
  { sale }: DesiredSale,
  step: Step,
  actor: Actor,
): Promise<Edit | undefined> {
  const paths = pathsBelow(root);
  const ensure = async (path: string, text = '') => {
    const made = await session.ensure(path, text);
    if (!made.ok) throw new Error(`ZooKeeper did not accept ${path}: ${made.error}`);
  };
  switch (step.do) {
    case 'create_sale':
      await createSale(databases, step.sale, actor);
      return undefined;
    case 'change_sale':
      await changeSale(databases, step.sale, step.change, actor);
      return undefined;
    case 'create_sku':
      await createSku(databases, { ...step.sku, sale }, actor);
      return undefined;
    case 'change_sku':
      await changeSku(databases, step.schema, step.sku, step.change, actor);
      return undefined;
    case 'restock':
      await restock(databases, step.schema, step.sku, step.units, actor);
      return undefined;
    case 'common_settings':
      await ensure(paths.keep, '1');
      await ensure(paths.shed, 'random');
      return undefined;
    case 'set': {
      await ensure(paths.sku(step.sku).sku);
      const operator = new Operator(session, paths, actor.by, actor.reason);
      if (step.name === 'shed') return operator.shed(step.text, step.sku);
      return operator[step.name](step.sku, step.text);
    }
  }
}
