import { join } from 'node:path';
import { composeProject } from './docker.ts';
import type { ServerName } from './servers.ts';
import type { StackState } from './state.ts';

/** Command lines of the servers' tools, when this machine lacks them or they need the stack's settings. */
export function toolsOf(
  root: string,
  folder: string,
  { sources }: StackState,
  broker = 'rabbitmq',
) {
  const inContainer = (server: ServerName, command: string) =>
    sources[server] === 'docker'
      ? `docker compose -p ${composeProject(root)} exec ${server} ${command}`
      : undefined;
  return {
    /** Set when psql is available only inside a container. */
    psqlInContainer: inContainer('postgres', 'psql -U flashsale'),
    /** Set when zkCli.sh is available only inside a container. */
    zkCliInContainer: inContainer('zookeeper', 'zkCli.sh'),
    /** Finds the stack's own node. */
    rabbitmqctl:
      sources.rabbitmq === 'system'
        ? join(folder, broker, 'rabbitmqctl')
        : inContainer('rabbitmq', 'rabbitmqctl'),
  };
}
