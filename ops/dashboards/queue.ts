import { dashboard, graph } from './panels.ts';

/** RabbitMQ: our queues as the workers see them, and the broker by its own plugin. */

export const queue = dashboard({
  uid: 'flashsale-queue',
  title: 'Flash sale: queue',
  description: 'RabbitMQ. The second row needs its plugin rabbitmq_prometheus.',
  sections: [
    {
      title: 'Queues of the sale',
      panels: [
        graph({
          title: 'Messages ready',
          description: 'Messages that no worker has taken yet. If they grow, start more workers.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (flashsale_queue_messages)' },
        }),
        graph({
          title: 'Consumers',
          description: 'Workers that take messages from each queue.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (flashsale_queue_consumers)' },
        }),
        graph({
          title: 'Messages that workers hold',
          description: 'Delivered and not acknowledged yet.',
          unit: 'short',
          queries: { '{{schema}}': 'sum by (schema) (flashsale_worker_deliveries)' },
        }),
        graph({
          title: 'Requests without an outcome',
          description: 'Admitted by web nodes; the outcome is not known yet.',
          unit: 'short',
          queries: { '{{instance}}': 'sum by (instance) (flashsale_pending_requests)' },
        }),
        graph({
          title: 'Oldest request without an outcome',
          description: 'How long it has waited, as the web nodes see it.',
          unit: 's',
          queries: { '{{instance}}': 'max by (instance) (flashsale_oldest_pending_seconds)' },
        }),
        graph({
          title: 'Messages without a confirm',
          description: 'Published by web nodes; RabbitMQ has not confirmed them yet.',
          unit: 'short',
          queries: { '{{instance}}': 'sum by (instance) (flashsale_unconfirmed_messages)' },
        }),
        graph({
          title: 'Members of the queues',
          description: 'Running nodes that hold a queue. Without a majority it confirms nothing.',
          unit: 'short',
          queries: {
            '{{queue}} online': 'max by (queue) (flashsale_queue_members_online)',
            'nodes of the cluster': 'max(flashsale_broker_nodes)',
          },
        }),
      ],
    },
    {
      title: 'The broker',
      panels: [
        graph({
          title: 'Messages in and out',
          description: 'Published, confirmed, delivered and acknowledged.',
          unit: 'ops',
          queries: {
            published: 'sum(rate(rabbitmq_global_messages_received_total[30s]))',
            confirmed: 'sum(rate(rabbitmq_global_messages_confirmed_total[30s]))',
            delivered: 'sum(rate(rabbitmq_global_messages_delivered_total[30s]))',
            acknowledged: 'sum(rate(rabbitmq_global_messages_acknowledged_total[30s]))',
          },
        }),
        graph({
          title: 'Alarms',
          description: '1 while RabbitMQ takes no messages, because memory or disk space is short.',
          unit: 'short',
          queries: {
            'memory {{instance}}': 'max by (instance) (rabbitmq_alarms_memory_used_watermark)',
            'disk {{instance}}': 'max by (instance) (rabbitmq_alarms_free_disk_space_watermark)',
          },
        }),
        graph({
          title: 'Memory',
          description: 'Of the broker, and the limit at which the alarm begins.',
          unit: 'bytes',
          queries: {
            'used {{instance}}': 'max by (instance) (rabbitmq_process_resident_memory_bytes)',
            'limit {{instance}}': 'max by (instance) (rabbitmq_resident_memory_limit_bytes)',
          },
        }),
        graph({
          title: 'Free disk space',
          description: 'Of the broker, and the limit at which the alarm begins.',
          unit: 'bytes',
          queries: {
            'free {{instance}}': 'max by (instance) (rabbitmq_disk_space_available_bytes)',
            'limit {{instance}}': 'max by (instance) (rabbitmq_disk_space_available_limit_bytes)',
          },
        }),
        graph({
          title: 'Connections and channels',
          description: 'Each process has one or two connections and a few channels.',
          unit: 'short',
          queries: {
            connections: 'sum(rabbitmq_connections)',
            channels: 'sum(rabbitmq_channels)',
          },
        }),
        graph({
          title: 'Open files',
          description: 'Share of the open files that the broker may have.',
          unit: 'percentunit',
          queries: {
            '{{instance}}':
              'max by (instance) (rabbitmq_process_open_fds / rabbitmq_process_max_fds)',
          },
        }),
      ],
    },
  ],
});
