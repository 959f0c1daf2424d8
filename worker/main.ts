import { run } from '../process/lifecycle.ts';
import { readConfig } from './config.ts';
import { startWorker } from './start.ts';

await run((lifecycle) => startWorker(readConfig(process.env), lifecycle));
