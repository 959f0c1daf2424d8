import type { RequestListener } from 'node:http';

/** Bare node:http that answers a purchase request with the bytes of a web node's own answers. */

const SHED_BODY =
  '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"More people press than can be served: this press was not drawn. Try again.","verdict":"shed"}';
const SHED_HEADERS = [
  'content-type',
  'application/problem+json',
  'cache-control',
  'no-store',
  'retry-after',
  '2',
  'content-length',
  String(SHED_BODY.length),
];

const ACCEPTED_BODY = JSON.stringify({
  requestId: '00000000-0000-4000-8000-000000000000',
  status: 'queued',
  statusUrl: `/api/v1/requests/00000000-0000-4000-8000-000000000000~demo.${'x'.repeat(22)}`,
});
const ACCEPTED_HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'content-length',
  String(ACCEPTED_BODY.length),
];

/** Answers as a web node that sheds the request. */
const refuse: RequestListener = (_request, response) => {
  response.writeHead(429, SHED_HEADERS).end(SHED_BODY, 'latin1');
};

/** Answers as a web node that takes the request: its body is read and parsed. */
const accept: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(202, ACCEPTED_HEADERS).end(ACCEPTED_BODY, 'latin1');
  });
};

export const ANSWERS = { refuse, accept } as const;
export type Answer = keyof typeof ANSWERS;
