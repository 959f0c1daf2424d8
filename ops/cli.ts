import { createProgram } from './program.ts';

try {
  const program = await createProgram(process.env, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  console.error(`flashsale: ${error instanceof Error ? error.message : String(error)}`);
  // By name, because a command loads only what it needs. 78 is what processes end with as well.
  process.exitCode = error instanceof Error && error.name === 'ConfigError' ? 78 : 1;
}
