import type { Operation } from '../../zk/client/result.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import type { SalePlace } from './place.ts';

/** The nodes of a SKU in ZooKeeper. */

/** The keeper may add a node while a SKU is deleted. */
const DELETE_TRIES = 20;

/**
 * Deletes a SKU with everything below it, all or nothing.
 *
 * @throws {Error} when ZooKeeper refuses
 */
export async function deleteSkuNodes({ session, root }: SalePlace, sku: string): Promise<void> {
  const top = pathsBelow(root).sku(sku).sku;
  let last = '';
  for (let tries = 0; tries < DELETE_TRIES; tries += 1) {
    const paths = await pathsIn(session, top);
    if (paths === undefined) return;
    const operations = paths.map((path): Operation => ({ op: 'delete', path, version: -1 }));
    const done = await session.multi(operations);
    if (done.ok) return;
    last = done.error;
    if (!['no_node', 'not_empty', 'connection_loss', 'timed_out'].includes(last)) break;
  }
  throw new Error(`ZooKeeper did not delete ${top}: ${last}`);
}

/** The node and all below it, children first; undefined if it does not exist. */
async function pathsIn(session: SalePlace['session'], path: string): Promise<string[] | undefined> {
  const names = await session.children(path);
  if (!names.ok && names.error === 'no_node') return undefined;
  if (!names.ok) throw new Error(`ZooKeeper did not answer: ${names.error}`);
  const below = await Promise.all(names.value.map((name) => pathsIn(session, `${path}/${name}`)));
  return [...below.flatMap((paths) => paths ?? []), path];
}
