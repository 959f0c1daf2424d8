import { dashboard, figure, graph } from './panels.ts';

/** What is sold, by SKU. */

export const business = dashboard({
  uid: 'flashsale-business',
  title: 'Flash sale: business',
  description: 'Stock, quota, outcomes and money that goes back.',
  choosesSku: true,
  sections: [
    {
      title: 'Now',
      panels: [
        figure({
          title: 'Free units',
          description: 'Units of the chosen SKUs that can be sold.',
          unit: 'short',
          queries: { free: 'sum(max by (sku) (flashsale_stock_free_units{sku=~"$sku"}))' },
          width: 6,
        }),
        figure({
          title: 'Units that nobody can buy now',
          description:
            'Not sold, and held by something. flashsale quota stranded says what frees them.',
          unit: 'short',
          queries: {
            stranded:
              'sum(max by (sku, cause) (flashsale_stranded_units{sku=~"$sku"})) or vector(0)',
          },
          width: 6,
        }),
        figure({
          title: 'Orders a second',
          description: 'Decided requests with an order, of all SKUs.',
          unit: 'reqps',
          queries: { orders: 'sum(rate(flashsale_worker_requests_total{outcome="ordered"}[30s]))' },
          width: 6,
        }),
        figure({
          title: 'Oldest refund due',
          description: 'Age of the payment that has waited longest for its refund.',
          unit: 's',
          queries: { age: 'max(flashsale_refund_due_seconds)' },
          redFrom: 86_400,
          width: 6,
        }),
      ],
    },
    {
      title: 'By SKU',
      panels: [
        graph({
          title: 'Free units of each SKU',
          description: 'Falls while the sale runs, and rises when unpaid orders end.',
          unit: 'short',
          queries: { '{{sku}}': 'max by (sku) (flashsale_stock_free_units{sku=~"$sku"})' },
        }),
        graph({
          title: 'Quota at the web nodes',
          description: 'Granted by the keeper, admitted by web nodes, and spare.',
          unit: 'short',
          queries: {
            '{{sku}} {{quantity}}':
              'sum by (sku, quantity) (flashsale_quota_units{sku=~"$sku", quantity=~"grant|admitted|spare"})',
          },
        }),
        graph({
          title: 'Units that are not sold, by cause',
          description: 'flashsale quota stranded says what frees them.',
          unit: 'short',
          queries: {
            '{{sku}} {{cause}}': 'max by (sku, cause) (flashsale_stranded_units{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Share that is kept',
          description: 'Share of the purchase requests that are not shed.',
          unit: 'percentunit',
          queries: { '{{sku}}': 'min by (sku) (flashsale_kept_share{sku=~"$sku"})' },
        }),
        graph({
          title: 'Held by orders and requests',
          description:
            'As the leading keeper counts them: held by orders, under way, of dead nodes.',
          unit: 'short',
          queries: {
            '{{sku}} held': 'max by (sku) (flashsale_keeper_held_units{sku=~"$sku"})',
            '{{sku}} under way': 'max by (sku) (flashsale_keeper_under_way_units{sku=~"$sku"})',
            '{{sku}} of dead nodes': 'max by (sku) (flashsale_keeper_dead_units{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Target of the sale',
          description: 'Units that may be sold: the quota, or what exists if that is less.',
          unit: 'short',
          queries: { '{{sku}}': 'max by (sku) (flashsale_keeper_target_units{sku=~"$sku"})' },
        }),
      ],
    },
    {
      title: 'Sold, paid, refunded',
      panels: [
        graph({
          title: 'Units sold and paid',
          description: 'Units of orders that are ordered or paid, and of those that are paid.',
          unit: 'short',
          queries: {
            '{{sku}} {{state}}': 'max by (sku, state) (flashsale_sale_units{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Orders by state',
          description: 'Sold (ordered or paid), paid, and ended.',
          unit: 'short',
          queries: {
            '{{sku}} {{state}}': 'max by (sku, state) (flashsale_sale_orders{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Unpaid units by age',
          description: 'Units of unpaid orders by the age of the order in minutes.',
          unit: 'short',
          queries: {
            '{{sku}} {{minutes}} min':
              'max by (sku, minutes) (flashsale_sale_unpaid_units{sku=~"$sku"}) > 0',
          },
        }),
        graph({
          title: 'Revenue',
          description: 'Amounts of paid orders, in units of their currency.',
          unit: 'short',
          queries: {
            '{{sku}} {{currency}}': 'max by (sku, currency) (flashsale_sale_revenue{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Refunded, and still to refund',
          description:
            'Amounts that went back and that have to go back, in units of their currency.',
          unit: 'short',
          queries: {
            '{{sku}} {{currency}}': 'max by (sku, currency) (flashsale_sale_refunded{sku=~"$sku"})',
            '{{sku}} {{currency}} due':
              'max by (sku, currency) (flashsale_sale_refund_due{sku=~"$sku"})',
          },
        }),
        graph({
          title: 'Refunds by state',
          description: 'Payments that go back: due, failing and done. Failing ones need a person.',
          unit: 'short',
          queries: {
            '{{sku}} {{state}}': 'max by (sku, state) (flashsale_sale_refunds{sku=~"$sku"})',
            '{{sku}} failing':
              'sum by (sku) (max by (schema, sku) (flashsale_refunds_failing{sku=~"$sku"}))',
          },
        }),
      ],
    },
    {
      title: 'Orders and money',
      panels: [
        graph({
          title: 'Outcomes',
          description: 'How the taken requests were decided.',
          unit: 'reqps',
          queries: {
            '{{outcome}}': 'sum by (outcome) (rate(flashsale_request_outcomes_total[30s]))',
          },
        }),
        graph({
          title: 'Unpaid orders that expired',
          description: 'Their units are sold again.',
          unit: 'ops',
          queries: {
            '{{schema}}': 'sum by (schema) (rate(flashsale_worker_expired_orders_total[1m]))',
          },
        }),
        graph({
          title: 'Stray payments, ignored and forged callbacks',
          description:
            'Stray payments, and callbacks that were ignored or refused. docs/operating.md has the reasons.',
          unit: 'ops',
          queries: {
            'stray {{reason}}': 'sum by (reason) (rate(flashsale_stray_payments_total[5m]))',
            ignored: 'sum(rate(flashsale_payment_callbacks_ignored_total[5m]))',
            forged: 'sum(rate(flashsale_payment_callbacks_total{result="forged"}[5m]))',
          },
        }),
      ],
    },
  ],
});
