import { queueFigures } from '../../../broker/queues.ts';
import { createConnections } from '../../broker/harness.ts';
import type { System } from '../../system.ts';

/** What a shop has in its databases, in ZooKeeper and in RabbitMQ, to compare two moments. */

export type Traces = Readonly<Record<string, unknown>>;

/** The rows of every table, partitions included. */
async function rows(system: System): Promise<Record<string, string>> {
  const found = await system.databases.regular.query<{ name: string; rows: string }>({
    text: `SELECT n.nspname || '.' || c.relname AS name,
                  (xpath('/row/c/text()', query_to_xml(
                    format('SELECT count(*) AS c FROM %I.%I', n.nspname, c.relname), false, true, '')))[1]::text AS rows
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname IN ('regular', 'hot', 'catalog')
           ORDER BY 1`,
  });
  return Object.fromEntries(found.map((table) => [table.name, table.rows]));
}

/** Every path, and the texts of the web nodes' reports by their keys. */
async function paths({ session, root, paths: known }: System): Promise<string[]> {
  const below = async (path: string): Promise<string[]> => {
    const names = await session.children(path);
    const children = names.ok ? names.value.sort() : [];
    const found = await Promise.all(children.map((name) => below(`${path}/${name}`)));
    return [path, ...found.flat()];
  };
  const reports = await session.children(known.reports);
  const keys = (reports.ok ? reports.value : []).map(async (node) => {
    const read = await session.get(known.report(node));
    const { applied, skus, sales } = read.ok ? JSON.parse(read.value.text) : {};
    return JSON.stringify([applied, skus, sales].map((one) => Object.keys(one ?? {}).sort()));
  });
  return [...(await below(root)), ...(await Promise.all(keys))];
}

export async function tracesOf(system: System): Promise<Traces> {
  const connections = createConnections();
  try {
    const broker = await connections.open(system.environment['AMQP_URL'] ?? '');
    const queues = (await queueFigures(broker)).map(({ queue, messages }) => [queue, messages]);
    return { rows: await rows(system), paths: await paths(system), queues };
  } finally {
    await connections.closeAll();
  }
}
