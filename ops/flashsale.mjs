#!/usr/bin/env node
/**
 * The command `flashsale`: runs ops/cli.ts on the project's own Node. It is plain JavaScript, because
 * the first Node on the PATH may be unable to run TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const projectNode = at('../node_modules/node/bin/node');
// The container image has no other Node than the current one.
const node = existsSync(projectNode) ? projectNode : process.execPath;
if (node === process.execPath && Number(process.versions.node.split('.')[0]) < 24) {
  console.error('flashsale: the packages are not installed yet: npm ci, or npm start');
  process.exit(1);
}
// The terminal sends signals to the command as well. This process only waits for its end.
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => {});
// A further command finds here what this one has compiled, and starts in half the time. Node does without if the folder
// cannot be written.
const compiled = at('../node_modules/.cache/compiled');
const { status, signal, error } = spawnSync(node, [at('cli.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { NODE_COMPILE_CACHE: compiled, ...process.env },
});
if (error) console.error(`flashsale: ${error.message}`);
process.exit(status ?? 128 + (constants.signals[signal] ?? 0));
