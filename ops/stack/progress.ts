/** Progress of a long start, as plain lines with the seconds since it began. */
export interface Progress {
  say(text: string): void;
  /** Prints `text`, and repeats it every ten seconds until the work ends. */
  step<T>(text: string, work: () => Promise<T>): Promise<T>;
}

const REMIND_EVERY_MS = 10_000;

export function createProgress(write: (line: string) => void): Progress {
  const startedAt = performance.now();
  const say = (text: string) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(6);
    write(`[${seconds} s] ${text}`);
  };
  return {
    say,
    async step(text, work) {
      say(text);
      const timer = setInterval(() => say(`still running: ${text}`), REMIND_EVERY_MS);
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    },
  };
}
