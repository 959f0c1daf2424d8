import { type FaultName, kindOf, placesOf } from '../kinds.ts';
import type { Planned } from '../schedule.ts';
import type { Shop } from '../shop/shop.ts';
import {
  connections,
  moveSku,
  restock,
  rowLock,
  setSlots,
  slowDisk,
  snapshot,
  vacuum,
} from './database.ts';
import type { Begin } from './field.ts';
import { cut, disturb, isolate, reset, strike } from './links.ts';
import { badEdit, keep, pause, pin, quota } from './operators.ts';
import {
  clockJump,
  diskAlarm,
  freeze,
  fullDisk,
  kill,
  killAtWork,
  memoryAlarm,
  silentStandby,
  switchOver,
} from './parts.ts';
import { trouble } from './wires.ts';

/** Longer than a ticket is valid. */
const JUMP_S = 25;

/** What each fault of the closed set does. */
export const FAULTS: Readonly<Record<FaultName, Begin>> = {
  kill,
  freeze,
  zombie: freeze,
  cut: cut('cut'),
  'cut-to-server': cut('cut-to-server'),
  'cut-from-server': disturb('cut-from-server'),
  'late-to-server': disturb('late-to-server'),
  isolate,
  'lose-messages': strike('lose-message'),
  'lose-answers': strike('lose-answer'),
  'hang-up': strike('hang-up'),
  'kill-at-work': killAtWork,
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
  'slow-disk': slowDisk,
  'full-disk': fullDisk,
  failover: kill,
  'silent-primary': freeze,
  'silent-standby': silentStandby,
  switchover: switchOver,
  'clock-ahead': clockJump(JUMP_S),
  'clock-behind': clockJump(-JUMP_S),
  vacuum,
  silence: trouble('silence'),
  'silence-out': trouble('silence-out'),
  'silence-in': trouble('silence-in'),
  'lost-packets': trouble('lost-packets'),
  'doubled-packets': trouble('doubled-packets'),
  narrow: trouble('narrow'),
};

/** Whether the fault can be made. Servers that are shared with others are not broken. */
export function isPossible(shop: Shop, { fault, target }: Planned): boolean {
  const { parts, clocks, disk, wires } = shop;
  if (kindOf(fault).group === 'clock') return clocks.areThere;
  if (kindOf(fault).group === 'wire') return wires.has(target);
  if (fault === 'full-disk') return disk !== undefined;
  if (fault === 'connections' || fault === 'slow-disk') return parts.has('postgres');
  return kindOf(fault).group !== 'part' || placesOf(fault, target).every((one) => parts.has(one));
}
