/**
 * The calls that the crowd makes, by their names in the report. They are the public calls of the shop;
 * the paths are those of its OpenAPI document, but for the page and its files.
 */
export const CALLS = {
  page: ['GET', '/sales/{sale}'],
  file: ['GET', '/{file}'],
  sale: ['GET', '/api/v1/sales/{sale}'],
  guest: ['POST', '/api/v1/demo/guest'],
  orders: ['GET', '/api/v1/orders'],
  order: ['GET', '/api/v1/orders/{orderNo}'],
  ticket: ['POST', '/api/v1/sales/{sale}/tickets'],
  buy: ['POST', '/api/v1/buy/{ticket}'],
  status: ['GET', '/api/v1/requests/{requestId}'],
  'long-poll': ['GET', '/api/v1/requests/{requestId}'],
  stream: ['GET', '/api/v1/requests/{requestId}/events'],
  checkout: ['POST', '/api/v1/orders/{orderNo}/checkout'],
  pay: ['POST', '/api/v1/demo/orders/{orderNo}/pay'],
  cancel: ['POST', '/api/v1/orders/{orderNo}/cancel'],
  'waitlist-join': ['POST', '/api/v1/sales/{sale}/skus/{sku}/waiting'],
  waitlist: ['GET', '/api/v1/sales/{sale}/skus/{sku}/waiting'],
  'waitlist-leave': ['DELETE', '/api/v1/sales/{sale}/skus/{sku}/waiting'],
  'notice-offer': ['GET', '/api/v1/notices'],
  'notice-ask': ['POST', '/api/v1/sales/{sale}/notices'],
  notices: ['GET', '/api/v1/sales/{sale}/notices'],
  'notice-stop': ['DELETE', '/api/v1/sales/{sale}/notices'],
} as const satisfies Record<string, readonly ['GET' | 'POST' | 'DELETE', string]>;

export type CallName = keyof typeof CALLS;

/** The path of a call. Where the shop has sent the URL of a call, that is used instead. */
export function pathOf(name: CallName, values: Readonly<Record<string, string>> = {}): string {
  return CALLS[name][1].replaceAll(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(values[key] ?? ''),
  );
}
