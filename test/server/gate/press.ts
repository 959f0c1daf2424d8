import { randomUUID } from 'node:crypto';
import type { WebNode } from '../web-node.ts';

/** A press as a web node receives it. A test changes its parts. */
export interface Press {
  ticket: string;
  user: string;
  headers: Record<string, string>;
  payload: string;
}

/** A press with its own ticket, for one unit. */
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
