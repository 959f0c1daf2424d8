import { createServer } from 'node:http';

/** Bare node:http that reads the same POST and answers with the same bytes; all share one port. */

const ACCEPTED_BODY = JSON.stringify({
  requestId: '00000000-0000-4000-8000-000000000000',
  status: 'queued',
  statusUrl: `/api/v1/requests/00000000-0000-4000-8000-000000000000~flow.${'x'.repeat(22)}`,
});
const HEADERS = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-store',
  'content-length',
  String(ACCEPTED_BODY.length),
];

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(202, HEADERS).end(ACCEPTED_BODY, 'latin1');
  });
});

process.once('message', (port: number) => {
  server.listen({ port, host: '127.0.0.1', reusePort: true }, () => process.send?.('listening'));
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
