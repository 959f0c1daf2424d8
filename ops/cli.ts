import { createProgram } from './program.ts';

try {
  await createProgram(process.env).parseAsync();
} catch (error) {
  console.error(`flashsale: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
