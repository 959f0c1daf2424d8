import type { Begin, Field } from './field.ts';

/** Faults of whole processes and servers. */

export const kill: Begin = async ({ shop }, name) => {
  await shop.parts.kill(name);
  return () => shop.parts.start(name);
};

export const freeze: Begin = ({ shop }, name) => {
  shop.parts.freeze(name);
  return async () => shop.parts.thaw(name);
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
