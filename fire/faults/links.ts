import { setTimeout as delay } from 'node:timers/promises';
import type { Disturbance, Relay, Strike } from '../shop/relay.ts';
import type { Begin, Field } from './field.ts';

/** Faults of the network between a process and a server. */

const RESET_PAUSE_MS = 400;
/** A process has a new connection, and sends again. */
const STRIKE_PAUSE_MS = 150;

export function linkOf({ shop }: Field, target: string): Relay {
  const link = shop.links.get(target);
  if (link === undefined) throw new Error(`there is no link ${target}`);
  return link;
}

/** What was held back arrives late. */
export const disturb =
  (how: Disturbance): Begin =>
  (field, target) => {
    const link = linkOf(field, target);
    link.disturb(how);
    return async () => link.disturb(undefined);
  };

/** What was held back is lost, with the connections: a peer has given them up meanwhile. */
export const cut =
  (how: Disturbance): Begin =>
  (field, target) => {
    const link = linkOf(field, target);
    link.disturb(how);
    return async () => {
      link.reset();
      link.disturb(undefined);
    };
  };

export const reset: Begin = (field, target) => {
  const link = linkOf(field, target);
  let isOver = false;
  const work = (async () => {
    while (!isOver) {
      link.reset();
      await delay(RESET_PAUSE_MS);
    }
  })();
  return () => {
    isOver = true;
    return work;
  };
};

/** All links of a process. */
export const isolate: Begin = ({ shop }, process) => {
  const links = [...shop.links].flatMap(([name, link]) =>
    name.startsWith(`${process}>`) ? [link] : [],
  );
  for (const link of links) link.disturb('cut');
  return async () => {
    for (const link of links) {
      link.reset();
      link.disturb(undefined);
    }
  };
};

/** Message after message, each in the moment in which it is sent. */
export const strike =
  (how: Strike): Begin =>
  (field, target) => {
    const link = linkOf(field, target);
    let timer: NodeJS.Timeout | undefined;
    const again = () => link.arm(how, () => (timer = setTimeout(again, STRIKE_PAUSE_MS)));
    again();
    return async () => {
      clearTimeout(timer);
      link.disarm();
    };
  };
