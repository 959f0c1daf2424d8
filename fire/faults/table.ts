import { type FaultName, kindOf } from '../kinds.ts';
import type { Planned } from '../schedule.ts';
import type { Shop } from '../shop/shop.ts';
import { connections, moveSku, restock, rowLock, setSlots, snapshot, vacuum } from './database.ts';
import type { Begin } from './field.ts';
import { cut, disturb, reset } from './links.ts';
import { badEdit, keep, pause, pin, quota } from './operators.ts';
import { diskAlarm, freeze, kill, memoryAlarm } from './parts.ts';

/** What each fault of the closed set does. */
export const FAULTS: Readonly<Record<FaultName, Begin>> = {
  kill,
  freeze,
  zombie: freeze,
  cut: cut('cut'),
  'cut-to-server': cut('cut-to-server'),
  'cut-from-server': disturb('cut-from-server'),
  reset,
  delay: disturb('delay'),
  loss: disturb('loss'),
  'memory-alarm': memoryAlarm,
  'disk-alarm': diskAlarm,
  connections,
  'row-lock': rowLock,
  snapshot,
  quota,
  pause,
  pin,
  'bad-edit': badEdit,
  keep,
  'set-slots': setSlots,
  restock,
  'move-sku': moveSku,
  vacuum,
};

/** Whether the fault can be made. Servers that are shared with others are not broken. */
export function isPossible({ parts }: Shop, { fault, target }: Planned): boolean {
  if (fault === 'connections') return parts.has('postgres');
  return kindOf(fault).group !== 'part' || parts.has(target);
}
