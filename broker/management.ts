import { firstUrl, urlsOfHosts } from '../contracts/cluster-url.ts';
import { QUEUE_PREFIX } from '../contracts/topology.ts';

/**
 * Reads what only RabbitMQ's management API shows: the nodes of the cluster, and which of them hold
 * a member of each quorum queue. A queue that was declared before the cluster was formed keeps its
 * single member, and is lost with that node.
 */

export interface QueueMembers {
  readonly queue: string;
  /** Nodes that hold a member of the queue. */
  readonly members: readonly string[];
  /** Members that are running. Without a majority the queue confirms nothing. */
  readonly online: readonly string[];
}

export interface Cluster {
  /** All nodes of the cluster, including those that are down. */
  readonly nodes: readonly string[];
  readonly queues: readonly QueueMembers[];
}

const REQUEST_TIMEOUT_MS = 5_000;
/** More than three members make every confirm slower and add no useful protection. */
const MEMBERS_MIN = 3;

/**
 * @param managementUrl with a login: `http://user:password@a:15672,b:15672`
 * @param amqpUrl names the virtual host
 * @throws {Error} when the API does not answer in time or refuses the request
 */
export async function clusterOf(managementUrl: string, amqpUrl: string): Promise<Cluster> {
  const virtualHost = decodeURIComponent(new URL(firstUrl(amqpUrl)).pathname.slice(1)) || '/';
  const [nodes, queues] = await Promise.all([
    get<{ name: string }>(managementUrl, '/api/nodes?columns=name'),
    get<{ name: string; members?: string[]; online?: string[] }>(
      managementUrl,
      `/api/queues/${encodeURIComponent(virtualHost)}?columns=name,members,online`,
    ),
  ]);
  return {
    nodes: nodes.map(({ name }) => name),
    queues: queues
      .filter(({ name }) => name.startsWith(QUEUE_PREFIX))
      .map(({ name, members = [], online = [] }) => ({ queue: name, members, online })),
  };
}

/** How many members a queue should have in this cluster. */
export function membersWanted({ nodes }: Cluster): number {
  return Math.min(MEMBERS_MIN, nodes.length);
}

/** Asks one host after the other until one answers. */
async function get<T>(managementUrl: string, path: string): Promise<T[]> {
  const failures: unknown[] = [];
  for (const url of urlsOfHosts(managementUrl)) {
    try {
      return await getFrom<T>(url, path);
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

async function getFrom<T>(managementUrl: string, path: string): Promise<T[]> {
  const url = new URL(path, managementUrl);
  // `fetch` refuses a URL that contains a login.
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  const response = await fetch(url, {
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the management API answered ${response.status} to ${path}`);
  return (await response.json()) as T[];
}

/** The state of one node of the cluster, as it tells it. */
export interface BrokerNode {
  readonly name: string;
  readonly isRunning: boolean;
  /** It takes no message while one of these is on. */
  readonly memoryAlarm: boolean;
  readonly diskAlarm: boolean;
  readonly diskFreeBytes: number;
  readonly diskLimitBytes: number;
  readonly openFiles: number;
  readonly openFilesMax: number;
  /** Nodes that it took for dead, and has not joined again. */
  readonly partitions: readonly string[];
}

interface NodeAnswer {
  name: string;
  running: boolean;
  mem_alarm?: boolean;
  disk_free_alarm?: boolean;
  disk_free?: number;
  disk_free_limit?: number;
  fd_used?: number;
  fd_total?: number;
  partitions?: string[];
  applications?: { name: string; version: string }[];
}

/** The nodes, and the version of each that runs. @throws {Error} as for `clusterOf` */
export async function brokerNodes(
  managementUrl: string,
): Promise<readonly (BrokerNode & { readonly version: string | undefined })[]> {
  const nodes = await get<NodeAnswer>(managementUrl, '/api/nodes');
  return nodes.map((node) => ({
    name: node.name,
    isRunning: node.running,
    memoryAlarm: node.mem_alarm ?? false,
    diskAlarm: node.disk_free_alarm ?? false,
    diskFreeBytes: node.disk_free ?? 0,
    diskLimitBytes: node.disk_free_limit ?? 0,
    openFiles: node.fd_used ?? 0,
    openFilesMax: node.fd_total ?? 0,
    partitions: node.partitions ?? [],
    version: node.applications?.find(({ name }) => name === 'rabbit')?.version,
  }));
}
