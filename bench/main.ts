import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { tellBusy } from './busy.ts';

/** `npm run bench -- <name> [flags]`: each benchmark is a folder with its own main.ts. */

const HERE = import.meta.dirname;
const names = readdirSync(HERE).filter((name) => existsSync(join(HERE, name, 'main.ts')));

const [name, ...flags] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  if (name !== undefined) console.error(`no benchmark ${JSON.stringify(name)}`);
  console.error(`usage: npm run bench -- <name> [--json] [flags]\nnames: ${names.join(', ')}`);
  process.exit(2);
}
if (!flags.includes('--help')) {
  await tellBusy((line) => console.error(line), availableParallelism());
}
// The benchmark reads its flags as if it had been started directly.
process.argv.splice(2, process.argv.length, ...flags);
await import(new URL(`./${name}/main.ts`, import.meta.url).href);
