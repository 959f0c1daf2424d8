import { type Evidence, groups, isLive, orderedOf, sum } from './evidence.ts';

/** Promises about units: sold once, to one, and none left over while somebody wants it. */

/** Daily goods have no stock that ends. */
const hasStock = ({ goods }: { readonly goods: string }) => goods !== 'daily';

export function nothingOversold({ dump, history }: Evidence): string[] {
  return dump.skus.filter(hasStock).flatMap(({ sku, supply, free, lowest }) => {
    const held = sum(
      dump.orders.filter((order) => order.sku === sku && isLive(order)),
      ({ units }) => Number(units),
    );
    const found: string[] = [];
    if (held + Number(free) !== Number(supply)) {
      found.push(`${sku}: ${held} held + ${free} free are not the ${supply} that were loaded`);
    }
    if (Number(lowest) < 0) found.push(`${sku}: a slot has ${lowest} units`);
    const brought = history.flatMap((entry) =>
      entry.kind === 'fault' && entry.restocked?.sku === sku ? entry.restocked.units : [],
    );
    const most = sum(brought, (units) => units);
    if (Number(supply) > most) found.push(`${sku}: ${supply} units came in, ${most} were brought`);
    return found;
  });
}

/** The run ends when nobody may pay any more, so an order that is unpaid then keeps its units for ever. */
export function nothingStranded({ dump, history }: Evidence): string[] {
  const unpaid = dump.orders.filter(({ status }) => status === 'ordered');
  const forgotten = unpaid.map(({ order_no: no, sku }) => `order ${no} of ${sku} never ends`);
  const quotas = new Map(
    history.flatMap((entry) => (entry.kind === 'quota' ? [[entry.sku, entry.units]] : [])),
  );
  /** Of goods with a quota, only that is for sale. */
  const freeOf = (sku: string) => {
    const quota = quotas.get(sku);
    if (quota !== undefined) return quota - orderedOf(dump, sku);
    return Number(dump.skus.find((one) => one.sku === sku)?.free ?? 0);
  };
  const left = history.flatMap((entry) => {
    if (entry.kind !== 'wanted') return [];
    const free = freeOf(entry.sku);
    const answers = entry.answers.slice(-5).join(', ');
    return free > 0
      ? [`${entry.sku}: ${free} units are free, while shoppers were answered: ${answers}`]
      : [];
  });
  return [...forgotten, ...left];
}

export function limitsKept({ dump }: Evidence): string[] {
  const keyOf = ({ user_id: user, sku, day }: Evidence['dump']['orders'][number]) =>
    `${user} of ${sku}${day === '' ? '' : ` on ${day}`}`;
  return groups(dump.orders.filter(isLive), keyOf).flatMap(([key, orders]) => {
    const limit = Number(dump.skus.find(({ sku }) => sku === orders[0]?.sku)?.user_limit);
    const held = sum(orders, ({ units }) => Number(units));
    const numbers = orders.map(({ order_no: orderNo }) => orderNo).join(', ');
    return held > limit ? [`${key}: ${held} units, the limit is ${limit} (orders ${numbers})`] : [];
  });
}

/** No unit is given to two: numbered units, packets, and what the waitlist gives. */
export function noUnitTwice({ dump, orders, calls }: Evidence): string[] {
  const found: string[] = [];
  const taken = dump.units.filter(({ order_no: orderNo }) => orderNo !== '');
  const unitsOf = Map.groupBy(taken, ({ order_no: orderNo }) => orderNo);
  const goods = new Map(dump.skus.map(({ sku, goods }) => [sku, goods]));
  for (const { sku, name, order_no: orderNo } of taken) {
    const order = orders.get(orderNo);
    const isPacket = goods.get(sku) === 'amounts';
    if (order === undefined || (!isPacket && !isLive(order))) {
      found.push(`${sku}: unit ${name} belongs to order ${orderNo}, which is ${order?.status}`);
    }
  }
  for (const order of dump.orders.filter(isLive)) {
    const kind = goods.get(order.sku) ?? '';
    const has = unitsOf.get(order.order_no)?.length ?? 0;
    if (['numbered', 'amounts'].includes(kind) && has !== Number(order.units)) {
      found.push(`order ${order.order_no} of ${order.sku}: ${has} of ${order.units} units`);
    }
  }
  // An unpaid order may expire and be paid late, with other units. A paid one keeps what it has shown.
  const names = new Map(
    [...unitsOf].map(([no, units]) => [no, units.map(({ name }) => name).sort()]),
  );
  for (const { order: seen } of calls) {
    if (seen?.units === undefined || seen.status !== 'paid') continue;
    const own = names.get(seen.orderNo) ?? [];
    if ([...seen.units].sort().join() !== own.join()) {
      found.push(`order ${seen.orderNo} was shown ${seen.units.join()}, and has ${own.join()}`);
    }
  }
  const served = dump.waiting.filter(({ state }) => state === 'served');
  for (const [orderNo, entries] of groups(served, (entry) => entry.order_no)) {
    const order = orders.get(orderNo);
    if (entries.length > 1 || order?.user_id !== entries[0]?.user_id) {
      const users = entries.map(({ user_id: user }) => user).join(', ');
      found.push(`order ${orderNo} of ${order?.user_id} was given to the waiters ${users}`);
    }
  }
  return found;
}
