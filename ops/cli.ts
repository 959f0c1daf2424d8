import { createProgram } from './program.ts';

try {
  const program = await createProgram(process.env, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  console.error(`flashsale: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
