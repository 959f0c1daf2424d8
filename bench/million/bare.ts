import { createServer } from 'node:http';

/** Bare node:http that refuses as a web node sheds, with the same headers and bytes; all share one port. */

const SHED_BODY =
  '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"More people press than can be served: this press was not drawn. Try again.","verdict":"shed"}';
const HEADERS = [
  'content-type',
  'application/problem+json',
  'cache-control',
  'no-store',
  'retry-after',
  '2',
  'content-length',
  String(SHED_BODY.length),
];

const server = createServer((_request, response) => {
  response.writeHead(429, HEADERS).end(SHED_BODY, 'latin1');
});

process.once('message', (port: number) => {
  server.listen({ port, host: '127.0.0.1', reusePort: true }, () => process.send?.('listening'));
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
