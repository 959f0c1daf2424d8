import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { endRefund } from '../../../db/calls.ts';
import { PROJECT_ROOT } from '../../../ops/stack/folder.ts';
import { createConnections } from '../../broker/harness.ts';
import { type Mailbox, startMailbox } from '../../worker/mailbox.ts';
import type { Scene } from './scene.ts';
import type { Fault } from './watch.ts';

/** Faults of the books, of money and of those who are told. */

const run = promisify(execFile);

/** A signed callback of somebody else would hide it. */
export function faultsOfCallbacks(scene: Scene): Fault[] {
  return [
    {
      fault: 'the provider signs with another secret',
      alerts: [{ alert: 'FlashsaleCallbacksForged' }],
      make: () => {},
      go: () => scene.forgedCallback(),
      // It is over a minute after the last one.
      mend: () => {},
    },
  ];
}

export function faultsOfBooks(scene: Scene): Fault[] {
  const { shop, skus, onClose } = scene;
  const { databases } = shop.system;
  let refund = '';
  let [failing, waiting] = ['', ''];
  let mailbox: Mailbox | undefined;
  onClose(() => mailbox?.close());
  const addToSlot = (units: number) =>
    scene.sql(
      `UPDATE hot.stock_slot SET remaining = remaining + $2
       WHERE sku = $1 AND slot = (SELECT min(slot) FROM hot.stock_slot WHERE sku = $1)`,
      [skus.Books, units],
    );
  const endSession = (orderNo: string) =>
    scene.sql(`UPDATE hot.checkout SET state = 'ended', last_error = NULL WHERE order_no = $1`, [
      orderNo,
    ]);
  return [
    {
      fault: 'a unit too many in a slot',
      alerts: [{ alert: 'FlashsalePromiseBroken', labels: { schema: 'hot' } }],
      make: () => addToSlot(1),
      mend: () => addToSlot(-1),
    },
    {
      fault: 'a message that no worker understands',
      alerts: [
        { alert: 'FlashsaleDeadLetters' },
        { alert: 'FlashsaleUnitsStranded', labels: { cause: 'dead_lettered' } },
      ],
      async make() {
        const connections = createConnections();
        const broker = await connections.open(shop.servers.amqpUrl);
        const channel = await broker.openChannel();
        channel.publish('orders', 'hot', Buffer.from('\u0000garbage'), { persistent: true });
        await channel.waitForConfirms();
        await connections.closeAll();
      },
      mend: () =>
        run(process.execPath, ['ops/cli.ts', 'dead-letters', 'refuse', '--all'], {
          cwd: PROJECT_ROOT,
          env: shop.system.environment,
        }),
    },
    {
      fault: 'an endpoint of a merchant refuses all events',
      alerts: [{ alert: 'FlashsaleWebhooksFail' }],
      make: () => scene.badMerchant(),
      mend: () => scene.mendMerchant(),
    },
    {
      fault: 'the mail server is away',
      alerts: [{ alert: 'FlashsaleNoticesLate', labels: { channel: 'email' } }],
      make: () => scene.wantsMail(),
      async mend() {
        mailbox = await startMailbox(shop.absent.mail);
      },
    },
    {
      fault: 'Stripe does not answer to a refund, due for two days',
      alerts: [
        { alert: 'FlashsaleRefundsFail' },
        { alert: 'FlashsaleRefundOverdue', labels: { schema: 'hot' } },
      ],
      async make() {
        refund = 'stripe:pi_of_a_refund';
        await scene.latePayment(refund);
        await scene.sql(
          `UPDATE hot.payment SET received_at = now() - interval '2 days' WHERE payment_ref = $1`,
          [refund],
        );
      },
      mend: () => endRefund(databases, 'hot', refund, { refundRef: 're_by_hand' }),
    },
    {
      fault: 'Stripe does not end the session of an ended order',
      alerts: [{ alert: 'FlashsaleSessionsNotEnded', labels: { schema: 'hot' } }],
      async make() {
        failing = await scene.session('ending');
      },
      mend: () => endSession(failing),
    },
    {
      fault: 'Stripe says nothing of a payment for 15 days',
      alerts: [{ alert: 'FlashsalePaymentsUnderWay', labels: { schema: 'hot' } }],
      async make() {
        waiting = await scene.session('paying', `now() - interval '15 days'`);
      },
      mend: () => endSession(waiting),
    },
    {
      fault: 'a payment for another shop',
      alerts: [{ alert: 'FlashsaleStrayPayment', labels: { reason: 'other_installation' } }],
      make: () => scene.strayPayment(),
      // An event, not a state: it is over by itself.
      mend: () => {},
    },
  ];
}
