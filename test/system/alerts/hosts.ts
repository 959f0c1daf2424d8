import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from './scene.ts';
import type { Fault } from './watch.ts';

/** Faults of hosts, the archive and the edge, and servers that are away. */

const KEEPERS = ['keeper-1', 'keeper-2'];
const DISK_BYTES = 4 * 1024 * 1024;

/** A small file system of its own; undefined where this user may not mount one. */
function mountDisk(scene: Scene): string | undefined {
  // The exporter tells nothing of what is below /dev, where the files of the tests may be.
  const folder = mkdtempSync('/var/tmp/flashsale-scratch-');
  const args = ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'flashsale-test', folder];
  const isMounted = spawnSync('mount', args).status === 0;
  scene.onClose(() => {
    if (isMounted) spawnSync('umount', [folder]);
    rmdirSync(folder);
  });
  return isMounted ? folder : undefined;
}

export function faultsOfHosts(scene: Scene): Fault[] {
  const { shop } = scene;
  const disk = mountDisk(scene);
  const full: Fault = {
    fault: 'a disk is full',
    alerts: [{ alert: 'FlashsaleDiskFull', labels: { mountpoint: disk ?? '' } }],
    make() {
      const { bavail, bsize } = statfsSync(disk ?? '');
      writeFileSync(join(disk ?? '', 'data'), Buffer.alloc(bavail * bsize));
    },
    mend: () => rmSync(join(disk ?? '', 'data')),
  };
  if (disk === undefined) console.log('no file system can be mounted here: no disk is filled');
  return [
    ...(disk === undefined ? [] : [full]),
    {
      fault: 'the certificate of the edge ends in three days',
      alerts: [{ alert: 'FlashsaleCertificateEnds' }],
      make: () => shop.endCertificate(),
      mend: () => shop.renewCertificate(),
    },
    {
      fault: 'the clock of a host is three seconds ahead',
      alerts: [{ alert: 'FlashsaleClockSkew' }],
      make: () => writeFileSync(shop.clockFile, '+3'),
      mend: () => writeFileSync(shop.clockFile, '+0'),
    },
    {
      fault: 'the archive of a database takes no WAL',
      alerts: [{ alert: 'FlashsaleArchiveFails' }],
      async make() {
        await shop.standby.archiveBy('false');
        // A file of WAL is archived when it is complete.
        await scene.sql('SELECT pg_switch_wal()');
      },
      mend: () => shop.standby.archiveBy('true'),
    },
  ];
}

/** ZooKeeper and PostgreSQL, the edge, and an exporter. Nothing else can be seen meanwhile. */
export function faultsOfOutages(scene: Scene): Fault[] {
  const { shop } = scene;
  const { requestId, shopper } = scene.kept;
  return [
    {
      fault: 'ZooKeeper is frozen',
      alerts: [
        { alert: 'FlashsaleDependencyDown', labels: { dependency: 'zookeeper' } },
        { alert: 'FlashsaleQuotaUnavailable' },
        { alert: 'FlashsaleNoKeeperLeads' },
      ],
      make: () => shop.servers.freeze('zookeeper'),
      go: () => scene.press('Books'),
      mend: () => shop.servers.thaw('zookeeper'),
    },
    {
      fault: 'PostgreSQL is frozen',
      alerts: [
        { alert: 'FlashsaleDependencyDown', labels: { dependency: 'postgres' } },
        { alert: 'FlashsaleStatusUnavailable' },
      ],
      make: () => shop.servers.freeze('postgres'),
      // Each call waits for the database.
      go: () =>
        Promise.all([1, 2, 3].map(() => shopper.call('GET', `/api/v1/requests/${requestId}`))),
      mend: () => shop.servers.thaw('postgres'),
    },
    {
      fault: 'the edge is frozen',
      alerts: [{ alert: 'FlashsaleShopUnreachable' }],
      make: () => shop.freeze('edge'),
      mend: () => shop.thaw('edge'),
    },
    {
      fault: 'an exporter is frozen',
      alerts: [{ alert: 'FlashsaleExporterDown', labels: { job: 'host' } }],
      make: () => shop.freeze('node-exporter'),
      mend: () => shop.thaw('node-exporter'),
    },
  ];
}

/** Nothing else is done meanwhile: processes open no session then. */
export function faultsOfRestores({ shop }: Scene): Fault[] {
  const pulse = (change: string) => () =>
    shop.system.databases.regular.query({ text: `UPDATE catalog.pulse SET ${change}` });
  return [
    {
      fault: 'a database was restored to an earlier time',
      alerts: [{ alert: 'FlashsaleHomeSetBack', labels: { schema: 'regular' } }],
      make: pulse('beat = 0'),
      mend: pulse('beat = beat + 1000000, history = catalog.present_history()'),
    },
  ];
}

/** The keepers are not killed while ZooKeeper is away, because then none leads already. */
export function faultsOfBrokerAndKeepers({ shop }: Scene): Fault[] {
  return [
    {
      fault: 'all keepers are killed',
      alerts: [{ alert: 'FlashsaleNoKeeperLeads' }],
      make: () => Promise.all(KEEPERS.map((keeper) => shop.system.kill(keeper))),
      async mend() {
        await Promise.all(KEEPERS.map((keeper) => shop.system.restart(keeper)));
        shop.retarget();
      },
    },
    {
      fault: 'RabbitMQ is frozen',
      alerts: [{ alert: 'FlashsaleDependencyDown', labels: { dependency: 'rabbitmq' } }],
      make: () => shop.servers.freeze('rabbitmq'),
      mend: () => shop.servers.thaw('rabbitmq'),
    },
  ];
}
