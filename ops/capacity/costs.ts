import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { type Static, Type } from '../../contracts/schema-types.ts';

/** What a shop's parts cost, as `npm run bench -- capacity` measured it on one machine. */

/** Each cost, with its unit. */
export const COSTS = {
  web_us_a_shed_press: 'CPU µs of a web node for a press that is shed',
  web_us_a_ticket: 'CPU µs of a web node for a ticket',
  web_us_an_order: 'CPU µs of a web node for a request that becomes an order, with its verdict',
  web_us_a_wait:
    'CPU µs of a web node for a shopper who waits for the outcome by long-poll, and is told',
  web_idle_cores: 'cores of a web node when nobody presses',
  web_mb: 'MB of a web node when nobody waits',
  web_kb_a_waiting_shopper: 'kB of a web node for a shopper who waits for an outcome',
  postgres_us_an_order: 'CPU µs of PostgreSQL for an order',
  postgres_idle_cores: 'cores of PostgreSQL without orders, with two web nodes',
  postgres_bytes_an_order: 'bytes of tables and indexes for an order',
  wal_bytes_an_order: 'bytes of WAL for an order',
  broker_us_an_order: 'CPU µs of RabbitMQ for an order',
  broker_idle_cores: 'cores of RabbitMQ without orders',
  broker_bytes_a_request: 'bytes of memory of RabbitMQ for a request in its queue',
  worker_us_an_order: 'CPU µs of a worker for an order',
  worker_idle_cores: 'cores of a worker without orders',
  zookeeper_us_an_order: 'CPU µs of ZooKeeper and keepers for an order',
  zookeeper_idle_cores: 'cores of ZooKeeper and keepers without orders',
  full_share: 'share of the cores that is busy when no more orders go',
  press_bytes: 'bytes of a press and its answer on the network',
  page_bytes: 'bytes of the page with all its files, compressed',
} as const;
export type CostName = keyof typeof COSTS;

const CLOSED = { additionalProperties: false };
const CostsFile = Type.Object(
  {
    machine: Type.Object(
      { cpu: Type.String(), cores: Type.Integer({ minimum: 1 }), node: Type.String() },
      CLOSED,
    ),
    measuredOn: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$' }),
    costs: Type.Object(
      Object.fromEntries(
        Object.entries(COSTS).map(([name, description]) => [
          name,
          Type.Number({ minimum: 0, description }),
        ]),
      ) as Record<CostName, ReturnType<typeof Type.Number>>,
      CLOSED,
    ),
  },
  CLOSED,
);
export type Costs = Static<typeof CostsFile>;

/** The measured costs of this project. */
export const COSTS_FILE = new URL('./costs.json', import.meta.url);

const validate = new Ajv({ allErrors: true }).compile(CostsFile);

/** @throws {Error} the file cannot be read, or is no JSON */
export function readJson(file: URL | string): unknown {
  const text = readFileSync(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws {Error} the file cannot be read, or has no such costs */
export function readCosts(file: URL | string = COSTS_FILE): Costs {
  const value = readJson(file);
  if (validate(value)) return value as Costs;
  const [error] = validate.errors ?? [];
  throw new Error(`${file}: ${error?.instancePath || 'it'} ${error?.message ?? 'has no costs'}`);
}
