import { emptyDisk, fillDisk } from '../shop/disk.ts';
import type { Primary } from '../shop/primary.ts';
import type { Begin, Field } from './field.ts';
import { linkOf } from './links.ts';

/** Faults of whole processes and servers. */

export const kill: Begin = async ({ shop }, name) => {
  await shop.parts.kill(name);
  return () => shop.parts.start(name);
};

/** A process that has nothing to send is killed all the same. */
const WORK_WAIT_MS = 3_000;

/**
 * Kills a web node in the moment in which it publishes, and a worker in the moment in which it calls the
 * database after it was handed work. The message does not arrive.
 */
export const killAtWork: Begin = async (field, name) => {
  const isWorker = name.startsWith('worker-');
  const broker = linkOf(field, `${name}>rabbitmq`);
  const struck = isWorker ? linkOf(field, `${name}>postgres`) : broker;
  const sent = Promise.withResolvers<void>();
  const timer = setTimeout(sent.resolve, WORK_WAIT_MS);
  const arm = () =>
    struck.arm('lose-message', () => {
      field.shop.parts.killAtOnce(name);
      sent.resolve();
    });
  if (isWorker) broker.onDelivery(arm);
  else arm();
  await sent.promise;
  clearTimeout(timer);
  broker.onDelivery(undefined);
  struck.disarm();
  await field.shop.parts.kill(name);
  return () => field.shop.parts.start(name);
};

export const freeze: Begin = async ({ shop }, name) => {
  await shop.parts.freeze(name);
  return () => shop.parts.thaw(name);
};

function primaryOf({ shop }: Field): Primary {
  const { primary } = shop.parts;
  if (primary === undefined) throw new Error('PostgreSQL has no standbys');
  return primary;
}

export const switchOver: Begin = async (field) => {
  await primaryOf(field).switchOver();
  return undefined;
};

export const silentStandby: Begin = async (field, name) => {
  await primaryOf(field).freezeStandby();
  return () => field.shop.parts.thaw(name);
};

const alarm =
  (begin: readonly string[], end: readonly string[]): Begin =>
  async ({ shop }: Field) => {
    // Whether a command that failed has done it is not known, so it is ended all the same.
    await shop.rabbitmqctl(...begin).catch(() => {});
    return () => shop.rabbitmqctl(...end);
  };

export const memoryAlarm = alarm(
  ['set_vm_memory_high_watermark', '0.00001'],
  ['set_vm_memory_high_watermark', '0.4'],
);
export const diskAlarm = alarm(
  ['set_disk_free_limit', '1000000GB'],
  ['set_disk_free_limit', '200MB'],
);

export const clockJump =
  (seconds: number): Begin =>
  ({ shop }, name) => {
    shop.clocks.set(name, seconds);
    return async () => shop.clocks.set(name, 0);
  };

export const fullDisk: Begin = ({ shop }, name) => {
  const { disk, parts, databases } = shop;
  if (disk === undefined) throw new Error(`${name} has no disk of its own`);
  fillDisk(disk);
  return async () => {
    emptyDisk(disk);
    await parts.start(name);
    // It may end a moment later. Then this is tried again.
    await databases.regular.query({ text: 'SELECT pg_switch_wal()', values: [] });
  };
};
