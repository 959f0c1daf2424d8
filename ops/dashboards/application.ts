import { dashboard, graph, percentiles } from './panels.ts';

/** Web nodes, workers and keepers. */

export const application = dashboard({
  uid: 'flashsale-application',
  title: 'Flash sale: application',
  description: 'Rates, times and limits of web nodes, workers and keepers.',
  sections: [
    {
      title: 'Web nodes',
      panels: [
        graph({
          title: 'Refusals of all calls',
          description: 'Problems that the router answered, by route and verdict.',
          unit: 'reqps',
          queries: {
            '{{route}} {{verdict}}':
              'sum by (route, verdict) (rate(flashsale_refusals_total[10s])) > 0',
          },
        }),
        graph({
          title: 'Time of other calls, p99',
          description: 'All calls but purchases and status waits, by route.',
          unit: 's',
          queries: {
            '{{route}}':
              'histogram_quantile(0.99, sum by (le, route) (rate(flashsale_http_seconds_bucket[30s])))',
          },
        }),
        graph({
          title: 'Overload',
          description:
            '1 while a web node refuses purchases for this cause. The runbook says what to do.',
          unit: 'short',
          queries: { '{{schema}} {{cause}}': 'max by (schema, cause) (flashsale_overload)' },
        }),
        graph({
          title: 'Shoppers who wait',
          description: 'Open waits for an answer. Each holds a connection.',
          unit: 'short',
          queries: {
            '{{instance}}': 'sum by (instance) (flashsale_waiting_shoppers)',
            'waitlist {{instance}}': 'sum by (instance) (flashsale_line_watchers)',
          },
        }),
        graph({
          title: 'Draw to confirm',
          description: 'From the draw of the units until RabbitMQ has confirmed the message.',
          unit: 's',
          queries: percentiles('flashsale_publish_seconds'),
        }),
        graph({
          title: 'Requests in an envelope',
          description: 'Requests that one message carries. It grows with the load.',
          unit: 'short',
          queries: percentiles('flashsale_envelope_requests'),
        }),
        graph({
          title: 'Challenges',
          description: 'Proofs of work that were asked for, solved and refused.',
          unit: 'reqps',
          queries: { '{{event}}': 'sum by (event) (rate(flashsale_challenges_total[30s]))' },
        }),
      ],
    },
    {
      title: 'Workers',
      panels: [
        graph({
          title: 'Requests decided',
          description: 'By home and outcome.',
          unit: 'reqps',
          queries: {
            '{{schema}} {{outcome}}':
              'sum by (schema, outcome) (rate(flashsale_worker_requests_total[10s]))',
          },
        }),
        graph({
          title: 'Requests in a call',
          description: 'Requests that one call of place_orders decides. It grows with the load.',
          unit: 'short',
          queries: percentiles('flashsale_worker_batch_requests', ['schema']),
        }),
        graph({
          title: 'Retries, dead letters',
          description: 'Calls that failed and are repeated, and requests that were given up.',
          unit: 'ops',
          queries: {
            'retries {{routine}} {{kind}}':
              'sum by (routine, kind) (rate(flashsale_worker_retries_total[30s]))',
            'dead {{cause}}': 'sum by (cause) (rate(flashsale_worker_dead_letters_total[30s]))',
          },
        }),
        graph({
          title: 'Events and webhooks',
          description: 'Order events that left, and deliveries to merchants by result.',
          unit: 'ops',
          queries: {
            'events {{schema}}':
              'sum by (schema) (rate(flashsale_worker_relayed_events_total[30s]))',
            'webhooks {{result}}':
              'sum by (result) (rate(flashsale_webhook_deliveries_total[30s]))',
          },
        }),
        graph({
          title: 'Delay of webhooks and notices',
          description: 'How far the deliveries to merchants and shoppers are behind.',
          unit: 's',
          queries: {
            webhooks: 'max(flashsale_webhook_lag_seconds)',
            notices: 'max(flashsale_notice_lag_seconds)',
          },
        }),
        graph({
          title: 'Load of the workers',
          description: 'Requests in no call yet, and calls under way.',
          unit: 'short',
          queries: {
            'waiting {{schema}}': 'sum by (schema) (flashsale_worker_waiting_requests)',
            'calls {{schema}}': 'sum by (schema) (flashsale_worker_calls)',
          },
        }),
      ],
    },
    {
      title: 'Every process',
      panels: [
        graph({
          title: 'CPU',
          description: 'Share of one core. A process of Node.js cannot use much more than one.',
          unit: 'percentunit',
          queries: {
            '{{process}} {{instance}}': 'rate(process_cpu_seconds_total{job="flashsale"}[30s])',
          },
        }),
        graph({
          title: 'Event loop, p99',
          description: 'How late timers are. A process with more than 0.1 s is short of CPU.',
          unit: 's',
          queries: {
            '{{process}} {{instance}}': 'nodejs_eventloop_lag_p99_seconds{job="flashsale"}',
          },
        }),
        graph({
          title: 'Memory',
          description: 'Resident memory of each process.',
          unit: 'bytes',
          queries: { '{{process}} {{instance}}': 'process_resident_memory_bytes{job="flashsale"}' },
        }),
      ],
    },
  ],
});
