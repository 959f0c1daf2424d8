import { setTimeout as delay } from 'node:timers/promises';
import { rehearsalsOf } from '../../contracts/rehearsal.ts';
import type { Actor } from '../../db/actions.ts';
import { saleBoard } from '../../db/catalog.ts';
import type { Databases } from '../../db/client/pool.ts';
import { removeRehearsal } from '../../db/rehearsals.ts';
import { readHistory } from '../../zk/tree/history.ts';
import { encodePath, type Paths, pathsBelow } from '../../zk/tree/paths.ts';
import type { Report } from '../../zk/tree/report.ts';
import { type Edit, Operator } from '../quota/operator.ts';
import { Reader } from '../quota/overview.ts';
import { acknowledged } from '../sale/acknowledged.ts';
import { deleteSkuNodes } from '../sale/nodes.ts';
import type { SalePlace } from '../sale/place.ts';

/**
 * Removes a shadow without a trace. Everything that it leaves has its name, so a removal that was interrupted, or
 * follows a command that was killed anywhere, ends right.
 */

const ACTOR: Actor = { by: 'rehearse' };
const POLL_MS = 100;
/** Requests that are under way are decided within this time, unless something is broken. */
const DECIDED_MS_MAX = 60_000;
/** Longer than the next keeper needs to lead. */
const FORGOTTEN_MS_MAX = 30_000;

/**
 * The shadows of a sale that are left, in the databases or in ZooKeeper.
 *
 * @throws {Error} also if a home does not answer
 */
export async function shadowsOf({ databases, session, root }: SalePlace, sale: string) {
  const paths = pathsBelow(root);
  const { sales, missing } = await saleBoard(databases);
  if (missing.length > 0) {
    throw new Error(`no answer from the home of ${missing.join(' and ')}: try again later`);
  }
  const skus = await new Reader(session, paths).names(paths.skus);
  return rehearsalsOf(sale, [...sales.map((one) => one.sale), ...skus]);
}

/** @throws {Error} something of it is not decided, or a server does not answer: call again */
export async function removeShadow(place: SalePlace, shadow: string): Promise<void> {
  const { databases, session, root } = place;
  const paths = pathsBelow(root);
  const reader = new Reader(session, paths);
  const isOfShadow = (sku: string) => sku.startsWith(`${shadow}-`);
  await checkOwn(databases, shadow, isOfShadow);
  const skus = (await reader.names(paths.skus)).filter(isOfShadow);
  // First nothing more is admitted, then what was admitted is decided: a request finds its SKU as long as it is under way.
  const edits = await closeAll(place, skus);
  const { late } = await acknowledged(place, shadow, edits, DECIDED_MS_MAX);
  if (late.length > 0) {
    throw new Error(`${late.join(', ')} did not stop selling ${shadow}; nothing is removed yet`);
  }
  await untilDecided(reader, paths, isOfShadow);
  for (const sku of skus) await deleteSkuNodes(place, sku);
  await removeRehearsal(databases, shadow);
  await acknowledged(place, shadow, [], DECIDED_MS_MAX);
  await untilForgotten(place, paths, shadow);
}

/** Somebody may have made a sale from the names of a shadow: then they are not for this command to remove. */
async function checkOwn(
  databases: Databases,
  shadow: string,
  isOfShadow: (sku: string) => boolean,
): Promise<void> {
  const { sales } = await saleBoard(databases);
  for (const { sale, skus } of sales) {
    const found = sale === shadow ? undefined : skus.find(({ sku }) => isOfShadow(sku));
    if (found === undefined) continue;
    throw new Error(`${found.sku} is a SKU of the sale ${sale}, so nothing of it is removed`);
  }
}

async function closeAll({ session, root }: SalePlace, skus: readonly string[]): Promise<Edit[]> {
  const operator = new Operator(session, pathsBelow(root), ACTOR.by);
  const edits: Edit[] = [];
  for (const sku of skus) edits.push(await operator.state(sku, 'closed'));
  return edits;
}

/**
 * What of a shadow is under way. The last report of a node that died may be older than what it admitted, so the keeper
 * has to drain and delete it.
 */
export function underWay(
  reports: ReadonlyMap<string, Pick<Report, 'skus' | 'final'> | undefined>,
  living: readonly string[],
  isOfShadow: (sku: string) => boolean,
): string | undefined {
  let units = 0;
  const dead: string[] = [];
  for (const [node, report] of reports) {
    const own = Object.entries(report?.skus ?? {}).filter(([sku]) => isOfShadow(sku));
    units += own.reduce((sum, [, { admitted, decided }]) => sum + admitted - decided, 0);
    if (own.length > 0 && !report?.final && !living.includes(node)) dead.push(node);
  }
  if (units > 0) return `${units} units of the rehearsal are admitted and not decided`;
  return dead.length > 0 ? `the keeper has not settled ${dead.join(', ')} yet` : undefined;
}

async function untilDecided(
  reader: Reader,
  paths: Paths,
  isOfShadow: (sku: string) => boolean,
): Promise<void> {
  const deadline = performance.now() + DECIDED_MS_MAX;
  for (;;) {
    const reports = new Map<string, Report | undefined>();
    for (const node of await reader.names(paths.reports)) {
      reports.set(node, await reader.report(node));
    }
    const left = underWay(reports, await reader.names(paths.nodes), isOfShadow);
    if (left === undefined) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${left}: see flashsale broker queues and flashsale dead-letters; nothing is removed yet`,
      );
    }
    await delay(POLL_MS);
  }
}

/** The keeper deletes the history of the shadow's edits, and the errors of wrong ones: operators have no right to. */
async function untilForgotten({ session }: SalePlace, paths: Paths, shadow: string): Promise<void> {
  const deadline = performance.now() + FORGOTTEN_MS_MAX;
  const below = `${paths.skus}/${shadow}-`;
  for (;;) {
    const history = await readHistory(session, paths);
    const errors = await session.children(paths.errors);
    const wrong = errors.ok ? errors.value.filter((one) => one.startsWith(encodePath(below))) : [];
    const isLeft = history?.some(({ path }) => path.startsWith(below)) ?? true;
    if (!isLeft && wrong.length === 0) return;
    if (performance.now() > deadline) {
      throw new Error(
        'the shadow is removed, but for the history of its edits: the keeper removes that when one leads again',
      );
    }
    await delay(POLL_MS);
  }
}
