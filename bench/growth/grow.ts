import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { Child } from '../child.ts';
import type { Shop } from '../shop.ts';

/** A shop of this benchmark grows by one of these, beside the SKU that it sells. */

const SKUS = 1_000;
const SALES = 100;
const WEB_NODES = 200;
const UNITS = 1_000;
const JOIN_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

export const KINDS = ['skus', 'sales', 'nodes'] as const;
export type Kind = (typeof KINDS)[number];

/** The text of each kind, for people. */
export const TITLES: Readonly<Record<Kind, string>> = {
  skus: `${SKUS} SKUs`,
  sales: `${SALES} open sales`,
  nodes: `${WEB_NODES} web nodes`,
};

/** @returns what ends that which runs for it */
type Grow = (shop: Shop) => Promise<() => void>;

const others = (name: string, count: number) =>
  Array.from({ length: count - 1 }, (_, at) => `${name}-${at + 1}`);

async function growSkus(shop: Shop) {
  await shop.openSale('wide', others('sku', SKUS), UNITS);
  return () => {};
}

async function growSales(shop: Shop) {
  for (const sale of others('sale', SALES)) await shop.openSale(sale, [`of-${sale}`], UNITS);
  return () => {};
}

/** The further nodes have real sessions, grants and reports, all in one process. No shopper comes to them. */
async function growNodes({ session, zkRoot, pids, zookeeper }: Shop) {
  const ours = [...pids.keys()].filter((name) => name.startsWith('web-')).length;
  const member = join(import.meta.dirname, '..', 'quota', 'member.ts');
  const child = new Child(member, ['web-nodes', zookeeper, zkRoot, String(WEB_NODES - ours)]);
  const deadlineMs = performance.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const nodes = await session.children(pathsBelow(zkRoot).nodes);
    if (nodes.ok && nodes.value.length >= WEB_NODES) return () => child.end();
    if (performance.now() > deadlineMs)
      throw new Error(`no ${WEB_NODES} web nodes within a minute`);
    await delay(POLL_MS);
  }
}

export const GROW: Readonly<Record<Kind, Grow>> = {
  skus: growSkus,
  sales: growSales,
  nodes: growNodes,
};
