import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, request as httpRequest } from 'node:http';
import { addNoticeContact, addWebhook, payOrder } from '../../../db/calls.ts';
import type { Pool } from '../../../db/client/pool.ts';
import { StandardProvider } from '../../../payment/standard.ts';
import { createGuestSigner } from '../../../server/gate/identity.ts';
import { openPool } from '../../db/database.ts';
import { uniqueName } from '../../servers.ts';
import { type Answer, Shopper } from '../../shopper.ts';
import { until } from '../../until.ts';
import type { WatchedShop } from './shop.ts';

/** A sale in which each fault has a SKU of its own, so that faults do not disturb each other. */

const HOT = [
  'Held',
  'Slow',
  'Failing',
  'Books',
  'Money',
  'Spent',
  'Pinned',
  'Idle',
  'Proof',
] as const;
export type SkuName = (typeof HOT)[number] | 'Waits';
const UNITS = 60;
const FEW_UNITS = 4;

/** Calls again when a node cuts the connection, as one does that has hardly any open files left. */
class PatientShopper extends Shopper {
  override call(...call: Parameters<Shopper['call']>): Promise<Answer> {
    return until('the node answers', () => super.call(...call));
  }
}

/** A trigger as somebody may have added it. To switch it takes no lock that orders wait for. */
const SPOILED = `CREATE TABLE hot.spoiled (sku text PRIMARY KEY, how text NOT NULL);
  GRANT SELECT ON hot.spoiled TO flashsale_owner`;
const SPOIL = `
  CREATE FUNCTION hot.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    v_how text := (SELECT s.how FROM hot.spoiled s WHERE s.sku = NEW.sku);
  BEGIN
    IF v_how = 'slow' THEN PERFORM pg_sleep(2.5); END IF;
    IF v_how = 'failing' THEN RAISE 'no memory' USING ERRCODE = 'out_of_memory'; END IF;
    RETURN NEW;
  END $$`;
const SPOILING = `
  CREATE TRIGGER spoil BEFORE INSERT ON hot.orders FOR EACH ROW EXECUTE FUNCTION hot.spoil()`;

interface Bought {
  readonly shopper: Shopper;
  readonly orderNo: string;
}

export class Scene {
  readonly shop: WatchedShop;
  readonly admin: Pool;
  readonly sale: string;
  readonly #skus: Readonly<Record<SkuName, string>>;
  /** An order that the shop keeps, and its request. */
  kept: Bought & { readonly requestId: string };
  readonly #ends: (() => unknown)[] = [];
  readonly #merchant = { status: 500 };
  #merchantServer: ReturnType<typeof createServer> | undefined;

  private constructor(shop: WatchedShop, sale: string, skus: Scene['skus'], admin: Pool) {
    this.shop = shop;
    this.sale = sale;
    this.#skus = skus;
    this.admin = admin;
    this.kept = undefined as never;
  }

  get skus(): Readonly<Record<SkuName, string>> {
    return this.#skus;
  }

  static async open(shop: WatchedShop): Promise<Scene> {
    const { system } = shop;
    const names = [...HOT, 'Waits'] as const;
    const skus = Object.fromEntries(names.map((name) => [name, uniqueName(name)])) as Scene['skus'];
    const sale = await system.createSale(
      names.map((name) => ({
        sku: skus[name],
        schema: name === 'Waits' ? ('regular' as const) : ('hot' as const),
        units: name === 'Idle' ? FEW_UNITS : UNITS,
        ...(name === 'Spent' && { quota: 1 }),
      })),
    );
    const admin = openPool(system.environment['DATABASE_URL'] ?? '', 4);
    const scene = new Scene(shop, sale, skus, admin);
    await admin.query({ text: SPOILED });
    await admin.query({ text: SPOIL });
    await admin.query({ text: SPOILING });
    await scene.buy('Spent');
    scene.kept = await scene.buy('Waits');
    return scene;
  }

  sql(text: string, values: readonly unknown[] = []) {
    return this.admin.query({ text, values });
  }

  /** Makes each new order of a SKU slow, or fail for lack of memory. */
  async spoil(name: SkuName, how: 'slow' | 'failing' | undefined): Promise<void> {
    await this.sql('DELETE FROM hot.spoiled WHERE sku = $1', [this.skus[name]]);
    if (how) await this.sql('INSERT INTO hot.spoiled VALUES ($1, $2)', [this.skus[name], how]);
  }

  shopper(web = 'web-1'): Shopper {
    const { pages, system } = this.shop;
    return new PatientShopper(`http://127.0.0.1:${pages[web]}`, system.jwtSecret);
  }

  /** Presses once at web-1. */
  press(name: SkuName): Promise<Answer> {
    return this.shopper().press(this.sale, this.skus[name]);
  }

  async buy(name: SkuName) {
    const shopper = this.shopper();
    const { body } = await shopper.buy(this.sale, this.skus[name]);
    if (body.status !== 'ordered') throw new Error(JSON.stringify(body));
    return { shopper, orderNo: String(body.order.orderNo), requestId: String(body.requestId) };
  }

  /** A payment for an order that the shopper has cancelled: it has to go back. */
  async latePayment(reference: string): Promise<string> {
    const { shopper, orderNo } = await this.buy('Money');
    await shopper.call('POST', `/api/v1/orders/${orderNo}/cancel`);
    const result = await payOrder(this.shop.system.databases, orderNo, reference);
    if (result !== 'refund_due') throw new Error(result);
    return orderNo;
  }

  /** A payment session at Stripe of an order. */
  async session(state: 'ending' | 'paying', changed = 'now()'): Promise<string> {
    const { orderNo } = await this.buy('Money');
    await this.sql(
      `INSERT INTO hot.checkout (order_no, sale, session_ref, url, ends_at, state, changed_at)
       VALUES ($1, $2, $3, 'https://stripe.example', now() + interval '1 h', $4, ${changed})`,
      [orderNo, this.sale, `stripe:${randomUUID()}`, state],
    );
    return orderNo;
  }

  /** A callback about a payment to another shop on the same account. */
  async strayPayment(): Promise<void> {
    const { shopper, orderNo } = await this.buy('Money');
    const secret = this.shop.system.environment['PAYMENT_WEBHOOK_SECRET'] ?? '';
    const payment = { orderNo, reference: randomUUID(), amount: '9.90', currency: 'EUR' };
    const { payload, headers } = new StandardProvider(secret).sign(randomUUID(), new Date(), {
      ...payment,
      installation: randomUUID(),
    });
    await shopper.call('POST', `/api/v1/orders/${orderNo}/payment`, payload, headers);
  }

  /** A callback with a signature that is none of this shop's provider. */
  async forgedCallback(): Promise<void> {
    await this.shopper().call('POST', '/api/v1/orders/1/payment', '{}', {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'webhook-signature': 'v1,AAAA',
    });
  }

  /** A merchant whose endpoint refuses every event until it is mended. */
  async badMerchant(): Promise<void> {
    const { databases } = this.shop.system;
    const port = this.shop.absent.merchant;
    this.#merchantServer = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(this.#merchant.status).end());
    });
    await new Promise<void>((resolve) => {
      this.#merchantServer?.listen(port, '127.0.0.1', resolve);
    });
    await addWebhook(databases, {
      endpoint: `wh_${randomBytes(6).toString('hex')}`,
      url: `http://127.0.0.1:${port}/`,
      secret: `whsec_${randomBytes(32).toString('base64')}`,
      kinds: ['placed'],
    });
    await this.buy('Money');
  }

  mendMerchant(): void {
    this.#merchant.status = 204;
  }

  /** A shopper who wants to be told by e-mail, and an order to tell of. */
  async wantsMail(): Promise<void> {
    const shopper = this.shopper();
    await addNoticeContact(this.shop.system.databases, {
      ...{ sale: this.sale, userId: shopper.userId, channel: 'email', language: 'en' },
      ...{ address: `${shopper.userId}@mail.example`, reminders: [] },
    });
    await this.sql('DELETE FROM catalog.notice');
    await this.sql('UPDATE catalog.notice_contact SET confirmed_at = now()');
    await shopper.buy(this.sale, this.skus.Money);
  }

  /** Asks for a ticket as a program does: without the headers of a browser. */
  askAsProgram(body: object): Promise<number> {
    const { pages, system } = this.shop;
    const text = JSON.stringify(body);
    const authorization = `Bearer ${createGuestSigner(system.jwtSecret)('a-program')}`;
    return new Promise((resolve, reject) => {
      const asked = httpRequest(
        {
          ...{ host: '127.0.0.1', port: pages['web-1'], method: 'POST' },
          path: `/api/v1/sales/${this.sale}/tickets`,
          headers: {
            authorization,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
        },
        (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      );
      asked.on('error', reject);
      asked.end(text);
    });
  }

  /** Adds what is to be done after the test. */
  onClose = (end: () => unknown): void => {
    this.#ends.push(end);
  };

  async close(): Promise<void> {
    this.#merchantServer?.close();
    for (const end of this.#ends) await end();
    await this.admin.close();
  }
}
