import type { Check } from './check.ts';
import { alerts } from './checks/alerts.ts';
import { certificates } from './checks/certificates.ts';
import { clocks } from './checks/clocks.ts';
import { backup, standbys } from './checks/copies.ts';
import { disks } from './checks/disks.ts';
import { connections, files } from './checks/limits.ts';
import { payments, secrets } from './checks/money.ts';
import { processes, servers, versions } from './checks/processes.ts';
import { broker, queues } from './checks/queues.ts';
import { opening, quota } from './checks/sale.ts';
import { migrations, routines } from './checks/schema.ts';
import { warm } from './checks/warm.ts';
import { webhooks } from './checks/webhooks.ts';
import { rights, zookeeper } from './checks/zookeeper.ts';

/** All checks, in the order in which they are printed: the sale last, because it is read last. */
export const CHECKS: readonly Check[] = [
  servers,
  processes,
  versions,
  clocks,
  migrations,
  routines,
  connections,
  files,
  queues,
  broker,
  zookeeper,
  rights,
  disks,
  certificates,
  secrets,
  payments,
  webhooks,
  alerts,
  standbys,
  backup,
  warm,
  quota,
  opening,
];
