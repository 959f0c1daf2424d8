import { dashboard, figure, graph, percentiles } from './panels.ts';

/** One screen that says whether the sale is well. */

/** As FlashsaleSuccessLow counts: refusals that a sale with few units must say are left out. */
const FAULTS =
  'sum(rate(flashsale_purchase_answers_total{verdict=~"overloaded|quota_unavailable|internal_error"}[1m]))';
const ANSWERED =
  'sum(rate(flashsale_purchase_answers_total{verdict=~"queued|overloaded|quota_unavailable|internal_error"}[1m]))';

export const overview = dashboard({
  uid: 'flashsale',
  title: 'Flash sale: overview',
  description:
    'Whether the sale is well. Everything is green, or one of the other screens says why.',
  sections: [
    {
      title: 'Is the sale well?',
      panels: [
        figure({
          title: 'Alerts that fire',
          description: 'Each of them has a section in the runbook.',
          unit: 'short',
          queries: { firing: 'count(ALERTS{alertstate="firing"}) or vector(0)' },
          redFrom: 1,
        }),
        figure({
          title: 'Processes that are down',
          description:
            'Processes of the shop that do not answer their monitor port. The others carry on.',
          unit: 'short',
          queries: { down: 'count(up{job="flashsale"} == 0) or vector(0)' },
          redFrom: 1,
        }),
        figure({
          title: 'Servers that are away',
          description:
            'PostgreSQL, RabbitMQ and ZooKeeper, as the processes see them. Look at /readyz.',
          unit: 'short',
          queries: {
            away: 'count(min by (dependency) (flashsale_dependency_up) == 0) or vector(0)',
          },
          redFrom: 1,
        }),
        figure({
          title: 'Broken promises',
          description:
            'Rows of the audit: something in the books is not as it must be. 0 at all times.',
          unit: 'short',
          queries: { rows: 'sum(max by (schema) (flashsale_audit_rows))' },
          redFrom: 1,
        }),
        figure({
          title: 'Purchases answered well',
          description:
            'Share of the purchase requests that were taken, of those that were taken or refused by a fault of the shop.',
          unit: 'percentunit',
          queries: { share: `1 - ((${FAULTS} or vector(0)) / (${ANSWERED} > 0) or vector(0))` },
          redBelow: 0.95,
        }),
        figure({
          title: 'Request to outcome, p99',
          description:
            'What one shopper in a hundred waits for longer. Look at the queue and the database.',
          unit: 's',
          queries: {
            p99: 'histogram_quantile(0.99, sum by (le) (rate(flashsale_request_outcome_seconds_bucket[1m])))',
          },
          redFrom: 2,
        }),
        figure({
          title: 'Requests that wait',
          description: 'Taken and not decided yet. They are safe in the queue.',
          unit: 'short',
          queries: { waiting: 'sum(flashsale_pending_requests)' },
          redFrom: 10_000,
        }),
        figure({
          title: 'Dead letters',
          description: 'Requests that nothing decides by itself. An operator has to act.',
          unit: 'short',
          queries: {
            letters: 'max(flashsale_queue_messages{queue="orders.dead-letters"}) or vector(0)',
          },
          redFrom: 1,
        }),
        figure({
          title: 'Oldest refund due',
          description: 'How long ago the payment came that has waited longest for its refund.',
          unit: 's',
          queries: { age: 'max(flashsale_refund_due_seconds)' },
          redFrom: 86_400,
        }),
        figure({
          title: 'Units that are free',
          description: 'Of all SKUs. Each unit that somebody wants is sold.',
          unit: 'short',
          queries: { free: 'sum(max by (sku) (flashsale_stock_free_units))' },
        }),
        figure({
          title: 'Orders a second',
          description: 'Requests that were decided with an order.',
          unit: 'reqps',
          queries: { orders: 'sum(rate(flashsale_worker_requests_total{outcome="ordered"}[30s]))' },
        }),
        figure({
          title: 'Web nodes',
          description: 'Web nodes that live, as they see each other in ZooKeeper.',
          unit: 'short',
          queries: { nodes: 'max(flashsale_living_nodes)' },
          redBelow: 1,
        }),
      ],
    },
    {
      title: 'What shoppers are told',
      panels: [
        graph({
          title: 'Answers to purchase requests',
          description: 'queued is a 202; everything else is a refusal that took nothing.',
          unit: 'reqps',
          queries: {
            '{{verdict}}': 'sum by (verdict) (rate(flashsale_purchase_answers_total[10s]))',
          },
        }),
        graph({
          title: 'Outcomes',
          description: 'How the taken requests were decided.',
          unit: 'reqps',
          queries: {
            '{{outcome}}': 'sum by (outcome) (rate(flashsale_request_outcomes_total[10s]))',
          },
        }),
        graph({
          title: 'Request to outcome',
          description: 'From the draw of the units to the outcome at the web node.',
          unit: 's',
          queries: percentiles('flashsale_request_outcome_seconds'),
        }),
      ],
    },
    {
      title: 'Stock and alerts',
      panels: [
        graph({
          title: 'Free units by SKU',
          description: 'Falls to 0 while the sale runs, and rises when unpaid orders end.',
          unit: 'short',
          queries: { '{{sku}}': 'max by (sku) (flashsale_stock_free_units)' },
        }),
        graph({
          title: 'Messages ready',
          description: 'Messages in each queue that no worker has taken yet.',
          unit: 'short',
          queries: { '{{queue}}': 'max by (queue) (flashsale_queue_messages)' },
        }),
        graph({
          title: 'Alerts by name',
          description: 'Alerts that fire or are about to. The runbook has a paragraph for each.',
          unit: 'short',
          queries: { '{{alertname}} {{alertstate}}': 'count by (alertname, alertstate) (ALERTS)' },
        }),
      ],
    },
  ],
});
