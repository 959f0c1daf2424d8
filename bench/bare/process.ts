import { createServer } from 'node:http';
import { ANSWERS, type Answer } from './answers.ts';

/** One of the bare servers that share a port; its argument says what it answers. */

const server = createServer(ANSWERS[process.argv[2] as Answer]);

process.once('message', (port: number) => {
  server.listen({ port, host: '127.0.0.1', reusePort: true }, () => process.send?.('listening'));
});
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
