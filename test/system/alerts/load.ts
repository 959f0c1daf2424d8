import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { startCanary, stopCanary } from '../../../db/canary.ts';
import { openSession, type Session } from '../../../db/client/pool.ts';
import { openInstaller } from '../../../db/install/installer.ts';
import { openPool, PATIENCE } from '../../db/database.ts';
import type { Scene, SkuName } from './scene.ts';
import { OPEN_FILES_MAX } from './shop.ts';
import type { Fault } from './watch.ts';

/** Faults of quotas, processes and the database, and programs that buy. */

/** Sessions of PostgreSQL that stay for others. */
const SESSIONS_LEFT = 25;
const FEW_FILES_LEFT = 0.82;
/** Files that a web node has open besides the connections of this fault, at the very least. */
const OTHER_FILES_MIN = 20;
/** A new version of a routine, with a bug. */
const FAILING = readFileSync('db/procedures/oldest_refund_due.sql', 'utf8').replace(
  /SELECT min\([^;]*?'due'/,
  "SELECT now() + interval '1 s' / (SELECT 0)",
);

async function nodeOf(scene: Scene, web: string): Promise<string> {
  const { session, paths } = scene.shop.system;
  const nodes = await session.children(paths.nodes);
  const pid = scene.shop.pidOf(web);
  const node = nodes.ok ? nodes.value.find((each) => each.includes(`web-${pid}`)) : undefined;
  if (node === undefined) throw new Error(`${web} is not registered`);
  return node;
}

function faultsOfQuotas(scene: Scene): Fault[] {
  const { shop, skus } = scene;
  const { system } = shop;
  const paths = system.paths;
  let pin = '';
  return [
    {
      fault: 'the quota is far below the stock',
      alerts: [{ alert: 'FlashsaleQuotaSpent', labels: { sku: skus.Spent } }],
      make: () => {},
      go: () => scene.press('Spent'),
      mend: () => system.set(paths.sku(skus.Spent).quota, '40'),
    },
    {
      fault: 'units are pinned to a web node that sells none',
      alerts: [{ alert: 'FlashsaleUnitsStranded', labels: { sku: skus.Pinned } }],
      async make() {
        pin = paths.sku(skus.Pinned).pin(await nodeOf(scene, 'web-1'));
        await system.session.create(pin, '5');
      },
      mend: () => system.session.delete(pin, -1),
    },
    {
      fault: 'a web node is frozen and keeps its units',
      alerts: [
        { alert: 'FlashsaleUnitsIdleWhileWanted', labels: { sku: skus.Idle } },
        { alert: 'FlashsaleProcessDown' },
      ],
      make: () => system.signal('web-2', 'SIGSTOP'),
      go: () => scene.press('Idle'),
      mend: () => system.signal('web-2', 'SIGCONT'),
    },
    {
      fault: 'programs ask for tickets',
      alerts: [{ alert: 'FlashsaleProgramsBuy' }],
      make: () => {},
      go: () =>
        Promise.all(Array.from({ length: 5 }, () => scene.askAsProgram({ sku: skus.Books }))),
      mend: () => {},
    },
    {
      fault: 'proofs of work are forged',
      alerts: [{ alert: 'FlashsaleChallengesForged' }],
      make: () => system.session.create(paths.sku(skus.Proof).challenge, 'on'),
      go: () => scene.askAsProgram({ sku: skus.Proof, challenge: 'bm90IGEgcHJvb2Y=' }),
      mend: () => {},
    },
  ];
}

function faultsOfProcesses(scene: Scene): Fault[] {
  const { shop } = scene;
  const { system } = shop;
  const sockets: Socket[] = [];
  let isShort = false;
  /** Runs for a quarter of the time only, as on a machine without CPU to spare. */
  const stutter = async () => {
    while (isShort) {
      system.signal('keeper-2', 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 400));
      system.signal('keeper-2', 'SIGCONT');
      await new Promise((resolve) => setTimeout(resolve, 130));
    }
  };
  /**
   * Opens connections until hardly any file is left. The web node may not have accepted those of the last call
   * yet: they count all the same, or it would have no file left for the presses of other faults.
   */
  const crowd = async () => {
    const open = /^process_open_fds\{.*\} (\d+)/m.exec(await system.metrics('web-1'))?.[1];
    const own = sockets.filter(({ closed }) => !closed).length;
    const more =
      Math.ceil(OPEN_FILES_MAX * FEW_FILES_LEFT) - Math.max(Number(open), own + OTHER_FILES_MIN);
    for (let n = 0; n < more; n += 1) {
      const socket = connect(shop.pages['web-1'] ?? 0, '127.0.0.1');
      // Reads, so that it sees when the web node closes it.
      sockets.push(socket.on('error', () => {}).resume());
    }
  };
  scene.onClose(() => {
    isShort = false;
    for (const socket of sockets) socket.destroy();
  });
  return [
    {
      fault: 'a process gets too little CPU',
      alerts: [{ alert: 'FlashsaleEventLoopSlow' }],
      make() {
        isShort = true;
        void stutter();
      },
      mend() {
        isShort = false;
      },
    },
    {
      fault: 'a web node has hardly any open files left',
      alerts: [{ alert: 'FlashsaleFilesNearLimit' }],
      make: crowd,
      // A connection that asks for nothing is closed after a while.
      go: crowd,
      mend() {
        for (const socket of sockets.splice(0)) socket.destroy();
      },
    },
    {
      fault: 'the workers of one queue are killed',
      alerts: [
        { alert: 'FlashsaleNoWorker', labels: { queue: 'orders.regular' } },
        { alert: 'FlashsaleOverloaded', labels: { schema: 'regular', cause: 'queue' } },
        { alert: 'FlashsaleSuccessLow', labels: { of: 'purchases' } },
        { alert: 'FlashsaleOrdersWait' },
        { alert: 'FlashsaleOutboxStuck', labels: { schema: 'regular' } },
        { alert: 'FlashsaleAuditSilent', labels: { schema: 'regular' } },
      ],
      async make() {
        await system.kill('worker-regular');
        const { shopper, orderNo } = scene.kept;
        await shopper.call('POST', `/api/v1/orders/${orderNo}/cancel`);
      },
      go: () => Promise.all([scene.press('Waits'), scene.press('Waits')]),
      async mend() {
        await system.restart('worker-regular');
        shop.retarget();
      },
    },
  ];
}

function faultsOfDatabase(scene: Scene): Fault[] {
  const { shop, skus } = scene;
  const url = shop.system.environment['DATABASE_URL'] ?? '';
  let holder: Session | undefined;
  let crowd: ReturnType<typeof openPool> | undefined;
  let installer: Session | undefined;
  const press = (name: SkuName) => () => scene.press(name);
  scene.onClose(async () => {
    await holder?.close();
    await crowd?.close();
    await installer?.close();
  });
  return [
    {
      fault: 'a trigger of somebody makes orders slow',
      alerts: [{ alert: 'FlashsaleDatabaseSlow' }, { alert: 'FlashsaleOutcomesSlow' }],
      make: () => scene.spoil('Slow', 'slow'),
      go: press('Slow'),
      mend: () => scene.spoil('Slow', undefined),
    },
    {
      fault: 'a new version of a routine fails',
      alerts: [{ alert: 'FlashsaleCanaryStopped', labels: { routine: 'hot.oldest_refund_due' } }],
      async make() {
        installer = await openInstaller(url);
        await startCanary(installer, { schema: 'hot', source: FAILING, share: 0.5, skus: [] });
      },
      go: () => scene.sql('SELECT hot.oldest_refund_due() FROM generate_series(1, 50)'),
      async mend() {
        if (installer) await stopCanary(installer, { schema: 'hot', name: 'oldest_refund_due' });
      },
    },
    {
      fault: 'the database cannot place the orders of a SKU',
      alerts: [{ alert: 'FlashsaleDatabaseRetries', labels: { schema: 'hot' } }],
      async make() {
        await scene.spoil('Failing', 'failing');
        await scene.press('Failing');
      },
      mend: () => scene.spoil('Failing', undefined),
    },
    {
      fault: 'somebody forgets a transaction that holds stock',
      alerts: [{ alert: 'FlashsaleDatabaseHeld', labels: { by: 'an idle transaction' } }],
      async make() {
        holder = await openSession(url, {
          ...{ applicationName: 'psql', ...PATIENCE, statementTimeoutMs: 0, lockTimeoutMs: 0 },
        });
        await holder.run('BEGIN');
        await holder.query({
          text: 'SELECT FROM hot.stock_slot WHERE sku = $1 FOR UPDATE',
          values: [skus.Held],
        });
        await scene.press('Held');
      },
      mend: () => holder?.run('ROLLBACK'),
    },
    {
      fault: 'nearly all sessions of the database are open',
      alerts: [{ alert: 'FlashsaleDatabaseSessions' }],
      async make() {
        const [row] = await scene.admin.query<{ free: number }>({
          text: `SELECT current_setting('max_connections')::int - count(*)::int AS free
                 FROM pg_stat_activity WHERE backend_type = 'client backend'`,
        });
        const many = (row?.free ?? 0) - SESSIONS_LEFT;
        crowd = openPool(url, many);
        await Promise.all(
          Array.from({ length: many }, () => crowd?.query({ text: 'SELECT pg_sleep(1)' })),
        );
      },
      mend: () => crowd?.close().then(() => (crowd = undefined)),
    },
    {
      fault: 'the standby replays nothing',
      alerts: [{ alert: 'FlashsaleReplicationLag' }],
      make: () => shop.standby.pause(),
      mend: () => shop.standby.resume(),
    },
  ];
}

export function faultsOfLoad(scene: Scene): Fault[] {
  return [...faultsOfQuotas(scene), ...faultsOfProcesses(scene), ...faultsOfDatabase(scene)];
}
