import { randomUUID } from 'node:crypto';
import type { WebNode } from '../web-node.ts';

/** One press as it reaches a web node; a test changes what it is about. */
export interface Press {
  ticket: string;
  user: string;
  headers: Record<string, string>;
  payload: string;
}

/** With a ticket of its own, for one unit. */
export const pressOf = (node: WebNode, user = `user-${randomUUID()}`): Press => ({
  user,
  ticket: node.ticketOf(user),
  headers: {},
  payload: '{"quantity":1}',
});

export const press = (node: WebNode, { ticket, user, headers, payload }: Press) =>
  node.app.inject({
    method: 'POST',
    url: `/api/v1/buy/${ticket}`,
    headers: {
      authorization: `Bearer ${node.tokenOf(user)}`,
      'content-type': 'application/json',
      ...headers,
    },
    payload,
  });
