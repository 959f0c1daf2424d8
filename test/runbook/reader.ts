import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerConnection } from '../../broker/connection.ts';
import { ordersQueue } from '../../contracts/topology.ts';
import { createLog } from '../../process/log.ts';
import { until } from '../until.ts';
import { isPrinted, type Line } from './lines.ts';
import { Shell } from './shell.ts';

/** Somebody who goes through a sale by the runbook, and what happens at the shop meanwhile. */

const ROOT = join(import.meta.dirname, '..', '..');
const PLAN = join(ROOT, 'ops/load/plans/opening.yaml');
const PAYMENTS = 'kind,reference,order_no,amount,currency,refund_reference';
const REHEARSAL =
  '--visitors 30 --within 2s --opens-in 10s --beside-open-sales --answered-within 1m --decided-within 2m';
const HOURS_BEFORE = 3;
/** What these look at changes within seconds. */
const LOOKING =
  /^(ask|curl|homes|df|npx flashsale (doctor|broker|dead-letters list|quota show|db (audit|drop-sale)))\b/;
/** So say commands on a machine that gives them no core for seconds. Whoever is there types them again. */
const STARVED = /\b(not_connected|connection_loss|timed_out)\b|no answer from the home/;
const LOOK_DEADLINE_MS = 120_000;
const LOOK_AGAIN_MS = 1_000;

interface Order {
  readonly orderNo: string;
  readonly amount: string;
  readonly currency: string;
}

export class Reader {
  readonly #folder: string;
  readonly #shell: Shell;
  readonly #orders: Order[] = [];

  private constructor(folder: string, shell: Shell) {
    this.#folder = folder;
    this.#shell = shell;
  }

  /** @param folder where files of the reader are written */
  static async sitDown(folder: string, env: NodeJS.ProcessEnv): Promise<Reader> {
    // The folder of the shop, without the files that somebody writes there.
    for (const name of ['ops', 'db', 'docs']) symlinkSync(join(ROOT, name), join(folder, name));
    return new Reader(folder, await Shell.open(folder, env));
  }

  /** Types a command as it stands there, after what the reader is told to do before. */
  async follow(line: Line): Promise<void> {
    for (const [beginning, prepare] of this.#before) {
      if (line.text.startsWith(beginning)) {
        await prepare();
      }
    }
    const text = await this.#withValues(line.text);
    let seen = '';
    const isWell = async () => {
      const { status, output } = await this.#shell.type(text);
      seen = `${line.chapter}: ${text}\nexit status ${status}\n${output}`;
      return status === line.status && isPrinted(line.prints, output);
    };
    if (await isWell()) return;
    if (!LOOKING.test(line.text) && !STARVED.test(seen)) throw new Error(seen);
    const limits = { deadlineMs: LOOK_DEADLINE_MS, pollMs: LOOK_AGAIN_MS };
    await until('it prints what the runbook says', isWell, limits).catch(() => {
      throw new Error(seen);
    });
  }

  /** Of a command that is typed on a standby. */
  async expectRoutine(name: string): Promise<void> {
    await this.#say(`psql "$DATABASE_URL" -c "SELECT '${name}()'::regprocedure"`);
  }

  close(): Promise<void> {
    return this.#shell.close();
  }

  async #say(command: string): Promise<string> {
    const { status, output } = await this.#shell.type(command);
    if (status !== 0) throw new Error(`${command}\nexit status ${status}\n${output}`);
    return output.trim();
  }

  /** What the reader knows, and the runbook has examples for. */
  readonly #values: Readonly<Record<string, () => string | Promise<string>>> = {
    OPENS: () => this.#say(`TZ=Europe/Berlin date -d '${HOURS_BEFORE} hours' +%FT%H:%M`),
    MONITOR: () => this.#say('echo $WEB_1_MONITOR_URL'),
    TEXT: () => this.#order(0).orderNo,
    ORDER: () => this.#order(0).orderNo,
    PAYMENT: () => `demo-${this.#order(0).orderNo}`,
    PID: async () => {
      await this.#say('psql "$DATABASE_URL" -c "SELECT pg_sleep(600)" >held.txt 2>&1 &');
      return until('the session is there', () =>
        this.#say(
          `psql -At "$DATABASE_URL" -c "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()"`,
        ).then((pid) => pid !== '' && pid),
      );
    },
  };

  async #withValues(text: string): Promise<string> {
    let own = text;
    if (!text.startsWith('export ')) return this.#ofADemo(text);
    for (const [, name = '', value = ''] of text.matchAll(/([A-Z]+)=(\S+)/g)) {
      const known = this.#values[name];
      if (known && !value.startsWith('$('))
        own = own.replace(`${name}=${value}`, `${name}=${await known()}`);
    }
    return own;
  }

  /**
   * The stack of the test is a demo, whose sale is open, without backups and without the management API of RabbitMQ. It
   * promises no times, and a small crowd is enough for it.
   */
  #ofADemo(text: string): string {
    return text
      .replace('flashsale doctor', 'flashsale doctor --demo --without broker,backup')
      .replace('--visitors 3000 --within 60s', REHEARSAL);
  }

  readonly #before: readonly (readonly [string, () => unknown])[] = [
    // As the file of the crowd says: edited.
    ['npx flashsale load crowd.yaml --check', () => this.#editCrowd()],
    ['npx flashsale doctor', () => writeFileSync(join(this.#folder, 'info.json'), '[]')],
    ['export TEXT', () => this.#shoppersBuy()],
    ['npx flashsale db versions', () => this.#changeRoutine()],
    ['npx flashsale payments reconcile', () => this.#writePayments()],
    [
      'npx flashsale db drop-sale',
      () => this.#say(`psql "$DATABASE_URL" -c "SELECT catalog.set_tunable('late_grace_ms', 0)"`),
    ],
    ['npx flashsale dead-letters list    # → … undecodable', () => this.#sendNonsense()],
    [
      'npx flashsale webhooks list    # → endpoint',
      () => this.#say('npx flashsale webhooks add https://shop.example/hook'),
    ],
    [
      'npx flashsale db canary status    # → … place_orders',
      () => this.#say('npx flashsale db canary start db/procedures/place_orders.sql --share 0.1'),
    ],
  ];

  #order(index: number): Order {
    const order = this.#orders[index];
    if (order === undefined) throw new Error('nobody has bought yet');
    return order;
  }

  #editCrowd(): void {
    const edited = readFileSync(PLAN, 'utf8')
      .replace(/^sale: .*$/m, 'sale: trial')
      .replace(/^begin: .*$/m, 'begin: now')
      .replace(/^skus: .*$/m, '')
      .replace(/^arrivals:\n( {2}- .*\n)+/m, 'arrivals: [{ for: 1s, rate: 10 }]\n')
      .replace(/^behaviours:\n( {2}.*\n)+/m, 'behaviours: { buys: 7, cancels: 1 }\n')
      .replace(/^pauses: .*$/m, 'pauses: { press: 50ms, pay: 100ms }')
      .replace(/^ {2}loss: .*$/m, '  loss: 0');
    writeFileSync(join(this.#folder, 'crowd.yaml'), edited);
  }

  async #shoppersBuy(): Promise<void> {
    const url = await this.#say('echo $SHOP_URL');
    const call = async (path: string, token: string, body: object) => {
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json() as Promise<Record<string, string>>;
    };
    const buy = async () => {
      const { token = '' } = await call('/api/v1/demo/guest', '', {});
      const ticket = await until('a ticket', () =>
        call('/api/v1/sales/spring/tickets', token, { sku: 'spring-1' }),
      );
      const { statusUrl = '' } = await call(ticket['purchaseUrl'] ?? '', token, { quantity: 1 });
      const order = await until('the order', async () => {
        const answer = await fetch(new URL(`${statusUrl}?wait=5`, url), {
          headers: { authorization: `Bearer ${token}` },
        });
        return ((await answer.json()) as { order?: Order }).order;
      });
      await call(`/api/v1/demo/orders/${order.orderNo}/pay`, token, {});
      this.#orders.push(order);
    };
    await buy();
    await buy();
  }

  async #changeRoutine(): Promise<void> {
    await this.#say(
      `sed 's/^BEGIN$/BEGIN\\n  -- tried by hand/' db/procedures/place_orders.sql >changed.sql`,
    );
    await this.#say('psql -q "$DATABASE_URL" -v ON_ERROR_STOP=1 -v schema=hot -f changed.sql');
    await this.#say('npx flashsale db routines');
  }

  #writePayments(): void {
    const rows = this.#orders.map(
      ({ orderNo, amount, currency }) =>
        `payment,demo-${orderNo},${orderNo},${amount},${currency},`,
    );
    writeFileSync(join(this.#folder, 'payments.csv'), [PAYMENTS, ...rows, ''].join('\n'));
  }

  /** No message of the shop: no worker can read it. */
  async #sendNonsense(): Promise<void> {
    const broker = await BrokerConnection.open({
      url: await this.#say('echo $AMQP_URL'),
      ...{ name: 'test', log: createLog('test', 'silent') },
    });
    try {
      await broker.whenConnected();
      const channel = await broker.openChannel();
      channel.publish('', ordersQueue('hot'), Buffer.from('nonsense'), { persistent: true });
      await channel.waitForConfirms();
    } finally {
      await broker.close();
    }
  }
}
