import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { VerdictListener } from '../../broker/verdict-listener.ts';
import { createPool, type Pool } from '../../db/client/pool.ts';
import { createLog } from '../../process/log.ts';
import { PublishBreaker } from '../../server/requests/breakers.ts';
import { Envelopes } from '../../server/requests/envelopes.ts';
import { asPurchase, LANE, type Refusal, type Transfer } from './transfer.ts';

/** The two ways from a request to its COMMIT. Each resolves when the transfer is decided and committed. */

export type Way = (transfer: Transfer) => Promise<Refusal>;

/** Requests that may wait for a connection of the pool. */
const WAITING_MAX = 100_000;
const WAIT_TIMEOUT_MS = 60_000;
const NODE = 'keynote-front';

/** A call of the procedure for each request. */
export class CallWay {
  readonly #databaseUrl: string;
  #pool: Pool | undefined;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  /** Replaces the pool by one with this many connections. */
  async connect(connections: number): Promise<void> {
    await this.#pool?.close();
    this.#pool = createPool({
      url: this.#databaseUrl,
      ...{ min: connections, max: connections, connectsMax: connections },
      applicationName: 'keynote: call',
      ...{ waitingMax: WAITING_MAX, waitTimeoutMs: WAIT_TIMEOUT_MS },
      ...{ statementTimeoutMs: WAIT_TIMEOUT_MS, lockTimeoutMs: WAIT_TIMEOUT_MS },
    });
    await this.#pool.fill();
  }

  async transfer({ requestId, from, to, amount }: Transfer): Promise<Refusal> {
    if (this.#pool === undefined) throw new Error('not connected');
    const [row] = await this.#pool.query<{ refusal: Refusal }>({
      name: 'transfer_one',
      text: 'SELECT keynote.transfer_one($1, $2, $3, $4) AS refusal',
      values: [requestId, from, to, amount],
    });
    return row?.refusal ?? null;
  }
}

/** Envelopes to the queue of the home `hot`, and verdicts back, as in a web node. */
export async function envelopesWay(amqpUrl: string): Promise<Way> {
  const log = createLog('keynote front', 'warn');
  const connection = await BrokerConnection.open({ url: amqpUrl, name: 'keynote front', log });
  await connection.whenConnected();
  const waiting = new Map<string, PromiseWithResolvers<Refusal>>();
  const listener = await VerdictListener.open(connection, `front-${process.pid}`, (verdicts) => {
    for (const { requestId, reason = null } of verdicts) {
      waiting.get(requestId)?.resolve(reason);
      waiting.delete(requestId);
    }
  });
  const publisher = await Publisher.open(connection);
  const breaker = new PublishBreaker(publisher.publish.bind(publisher));
  const transport = { publish: breaker.publish.bind(breaker), trusted: () => true };
  const envelopes = new Envelopes(transport, listener.replyTo, () => {});
  const onLate = () => {};
  return (transfer) => {
    const { requestId } = transfer;
    const outcome = Promise.withResolvers<Refusal>();
    waiting.set(requestId, outcome);
    const request = asPurchase(transfer);
    const place = { sku: LANE, schema: 'hot', node: NODE } as const;
    void envelopes.add({ ...place, request, isCopy: false, onLate }).then((result) => {
      if (result === 'confirmed') return;
      waiting.delete(requestId);
      outcome.reject(new Error(`an envelope was ${result}`));
    });
    return outcome.promise;
  };
}
