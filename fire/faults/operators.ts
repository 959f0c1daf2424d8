import type { GoodsName } from '../kinds.ts';
import type { Begin, Field } from './field.ts';

/** Edits of operators, at bad moments. */

const full = ({ quotas }: Field, sku: string) => String(quotas.get(sku) ?? 0);

export const quota: Begin = async (field, goods) => {
  const { operator } = field.shop;
  const sku = field.sku(goods as GoodsName);
  await operator.quota(sku, String(Math.floor((field.quotas.get(sku) ?? 0) / 3)));
  return async () => void (await operator.quota(sku, full(field, sku)));
};

/** As in zkCli.sh, without the check of the command. The mend is made with the command. */
export const badEdit: Begin = async (field, goods) => {
  const { operator, session } = field.shop;
  const sku = field.sku(goods as GoodsName);
  const result = await session.set(operator.paths.sku(sku).quota, 'many', -1);
  if (!result.ok) throw new Error(result.error);
  return async () => void (await operator.quota(sku, full(field, sku)));
};

export const pause: Begin = async (field, goods) => {
  const { operator } = field.shop;
  const sku = field.sku(goods as GoodsName);
  await operator.state(sku, 'paused');
  return async () => void (await operator.state(sku, 'open'));
};

export const keep: Begin = async (field, goods) => {
  const { operator } = field.shop;
  const sku = field.sku(goods as GoodsName);
  await operator.keep(sku, '0.3');
  return async () => void (await operator.keep(sku, null));
};

/** Pins one of the web nodes that are there, by its place in their list. */
export const pin: Begin = async (field, target) => {
  const { operator, session } = field.shop;
  const sku = field.sku('counted');
  const nodes = await session.children(operator.paths.nodes);
  const node = nodes.ok ? nodes.value[target === 'web-1' ? 0 : 1] : undefined;
  if (node === undefined) throw new Error('there is no such web node');
  await operator.pin(sku, node, '3');
  return async () => void (await operator.pin(sku, node, null));
};
