import { createProgram } from './program.ts';

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read or written',
  EISDIR: 'it is a folder',
};

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '', path } = error as NodeJS.ErrnoException;
  const fault = FILE_FAULTS[code];
  return path === undefined || fault === undefined ? error.message : `${path}: ${fault}`;
}

try {
  const program = await createProgram(process.env, process.argv[2]);
  await program.parseAsync();
} catch (error) {
  console.error(`flashsale: ${messageOf(error)}`);
  // By name, because a command loads only what it needs. 78 is what processes end with as well.
  process.exitCode = error instanceof Error && error.name === 'ConfigError' ? 78 : 1;
}
