import { stackFolder } from './folder.ts';
import { hotVariables } from './servers.ts';
import { holderOf, readState } from './state.ts';

/** URLs of the running local stack, by the names of their variables. */

export type StackVariables = Readonly<Record<string, string>>;

/** @throws {Error} when no stack runs or it is not ready */
export function runningStack(environment: Readonly<Record<string, string | undefined>>) {
  const state = readState(stackFolder(environment));
  if (state === undefined || holderOf(state) === 'nobody') {
    throw new Error('no local stack is running here; start one with: npm start');
  }
  const { servers, shopUrl, edgeUrl, consoleUrl, watchUrls, phase, zkRoot, monitors } = state;
  if (phase !== 'running' || servers === undefined || shopUrl === undefined) {
    throw new Error(`the local stack is ${phase}; try again when npm start says that it is ready`);
  }
  // For example, the monitor of web-1 is WEB_1_MONITOR_URL.
  const monitorVariables = Object.entries(monitors).map(([name, url]) => [
    `${name.toUpperCase().replaceAll('-', '_')}_MONITOR_URL`,
    url,
  ]);
  const variables: StackVariables = {
    SHOP_URL: shopUrl,
    ...(edgeUrl !== undefined && { EDGE_URL: edgeUrl }),
    ...(consoleUrl !== undefined && { CONSOLE_URL: consoleUrl }),
    DATABASE_URL: servers.databaseUrl,
    ...hotVariables(servers),
    AMQP_URL: servers.amqpUrl,
    ...(servers.amqpManagementUrl !== undefined && {
      AMQP_MANAGEMENT_URL: servers.amqpManagementUrl,
    }),
    ...(watchUrls !== undefined && {
      PROMETHEUS_URL: watchUrls.prometheus,
      ALERTMANAGER_URL: watchUrls.alertmanager,
    }),
    ZOOKEEPER: servers.zookeeper,
    ZK_ROOT: zkRoot,
    ...Object.fromEntries(monitorVariables),
  };
  return variables;
}
