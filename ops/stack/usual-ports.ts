import type { Home } from '../../contracts/homes.ts';
import { applicationNames, WEB_NAMES } from './application.ts';

/** Ports of a local stack, unless another program has them. */

export type PortsWanted = Readonly<Record<string, number>>;

/** Below 32,768, because Linux takes local ports of outgoing connections from there on. */
export const SERVER_PORTS: PortsWanted = {
  postgres: 15_432,
  amqp: 15_679,
  distribution: 15_681,
  epmd: 15_682,
  zookeeper: 12_181,
};
export function applicationPorts(homes: readonly Home[]): PortsWanted {
  return {
    shop: 8080,
    'console-page': 8090,
    ...Object.fromEntries(applicationNames(homes).map((name, index) => [name, 9_101 + index])),
  };
}
export const WATCH_PORTS: PortsWanted = {
  prometheus: 9090,
  alertmanager: 9093,
  'postgres-exporter': 9187,
  'postgres-exporter-2': 9188,
  'postgres-exporter-3': 9189,
  'postgres-exporter-4': 9190,
  'postgres-exporter-5': 9191,
  'node-exporter': 9099,
  'blackbox-exporter': 9115,
};
/** Of RabbitMQ's plugin, chosen before the broker starts. */
export const RABBIT_METRICS_PORT: PortsWanted = { 'rabbitmq-metrics': 15_692 };
export const EDGE_PORTS: PortsWanted = {
  'edge-tls': 8443,
  'edge-last': 8079,
  ...Object.fromEntries(WEB_NAMES.map((name, index) => [`${name}-page`, 8_071 + index])),
};
