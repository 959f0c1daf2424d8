import { randomUUID } from 'node:crypto';
import type { Channel } from '../../broker/amqp.ts';
import {
  ENVELOPE_SCHEMA,
  encode,
  type PurchaseRequest,
  SCHEMA_HEADER,
} from '../../contracts/messages.ts';
import { ORDERS_EXCHANGE } from '../../contracts/topology.ts';
import type { Envelopes } from '../../server/requests/envelopes.ts';

/** Two ways to publish admitted requests. Each keeps `underWay` requests unconfirmed. */

export interface Ran {
  readonly confirmed: number;
  readonly tookSeconds: number;
}
export type Way = (underWay: number, seconds: number) => Promise<Ran>;

const SKU = 'TV';
const NODE = 'web-bench-0001';

/** Ids are made before the clock starts, because a web node takes them from the ticket. */
const IDS = Array.from({ length: 100_000 }, () => randomUUID());

function requests(): () => PurchaseRequest {
  let at = 0;
  return () => {
    at += 1;
    return { requestId: IDS[at % IDS.length] ?? '', userId: `guest-1a2b3c4d-${at}`, units: 1 };
  };
}

/** amqplib as in its documentation: one message per request, whose callback sends the next one. */
export function plainLoop(channel: Channel): Way {
  return (underWay, seconds) =>
    closedLoop(underWay, seconds, (request, confirmed, failed) => {
      const properties = {
        persistent: true,
        mandatory: true,
        contentType: 'application/json',
        headers: { [SCHEMA_HEADER]: ENVELOPE_SCHEMA },
        replyTo: 'bench',
      };
      const content = encode({ sku: SKU, node: NODE, requests: [request] });
      channel.publish(ORDERS_EXCHANGE, 'hot', content, properties, (error) => {
        if (error === null) confirmed();
        else failed(error);
      });
    });
}

export function throughEnvelopes(envelopes: Envelopes): Way {
  const onLate = () => {};
  return (underWay, seconds) =>
    closedLoop(underWay, seconds, (request, confirmed, failed) => {
      const outgoing = {
        sku: SKU,
        schema: 'hot',
        node: NODE,
        request,
        isCopy: false,
        onLate,
      } as const;
      void envelopes.add(outgoing).then((result) => {
        if (result === 'confirmed') confirmed();
        else failed(new Error(`an envelope was ${result}`));
      });
    });
}

type Send = (
  request: PurchaseRequest,
  confirmed: () => void,
  failed: (error: Error) => void,
) => void;

/** Every confirm sends the next request, until the time is over and all are confirmed. */
function closedLoop(underWay: number, seconds: number, send: Send): Promise<Ran> {
  const next = requests();
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1_000;
  let [busy, confirmed] = [underWay, 0];
  return new Promise((resolve, reject) => {
    const done = () => {
      confirmed += 1;
      if (performance.now() < untilMs) {
        send(next(), done, reject);
        return;
      }
      busy -= 1;
      if (busy === 0) resolve({ confirmed, tookSeconds: (performance.now() - startMs) / 1_000 });
    };
    for (let index = 0; index < underWay; index += 1) send(next(), done, reject);
  });
}
