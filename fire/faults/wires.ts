import type { Trouble } from '../shop/wires.ts';
import type { Begin } from './field.ts';

/** Faults of the network between a process and everything else. */

export const trouble =
  (how: Trouble): Begin =>
  async ({ shop }, process) => {
    const wire = shop.wires.get(process);
    if (wire === undefined) throw new Error(`${process} has no wire`);
    await wire.disturb(how);
    return () => wire.mend();
  };
