/**
 * A program for the tests of scripts/run.mjs: prints its arguments and exits with the first as its
 * code.
 */
const [first = '0'] = process.argv.slice(2);
if (first === 'wait') {
  const timer = setInterval(() => {}, 1_000);
  process.once('SIGTERM', (signal) => {
    console.log(`stopped by ${signal}`);
    clearInterval(timer);
  });
}
console.log(process.argv.slice(2).join(' '));
process.exitCode = first === 'wait' ? 0 : Number(first);
