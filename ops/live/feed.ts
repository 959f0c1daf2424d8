import { type LivePoint, type LiveView, pointOf } from './view.ts';

/**
 * Looks once a second while somebody watches, however many watch, and not at all otherwise. It keeps
 * the points of the last minutes, so that the charts of a new viewer begin with them.
 */

const LOOK_INTERVAL_MS = 1_000;
const POINTS_MAX = 600;

/** A view with its point. All viewers get the same object. */
export type Moment = LiveView & { readonly point: LivePoint };
export type Viewer = (moment: Moment) => void;

export class Feed {
  readonly #look: () => Promise<LiveView>;
  readonly #intervalMs: number;
  #viewers = new Set<Viewer>();
  #points: LivePoint[] = [];
  #last: Moment | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  /** Looks that were made, for tests and metrics. */
  looks = 0;

  constructor(look: () => Promise<LiveView>, intervalMs = LOOK_INTERVAL_MS) {
    this.#look = look;
    this.#intervalMs = intervalMs;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Points of the last ten minutes, oldest first. */
  get points(): readonly LivePoint[] {
    return this.#points;
  }

  /** Calls `viewer` with each view until it leaves. */
  watch(viewer: Viewer): void {
    this.#viewers.add(viewer);
    if (!this.#isRunning) void this.#run();
    else if (this.#last !== undefined) viewer(this.#last);
  }

  leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#viewers.size > 0) {
      const startedAtMs = performance.now();
      this.#show(await this.#look());
      const restMs = this.#intervalMs - (performance.now() - startedAtMs);
      await new Promise<void>((resolve) => {
        this.#timer = setTimeout(resolve, Math.max(0, restMs));
      });
    }
    this.#isRunning = false;
    this.#last = undefined;
  }

  #show(view: LiveView): void {
    this.looks += 1;
    const point = pointOf(view);
    const moment = { ...view, point };
    this.#last = moment;
    const oldest = point.at - (POINTS_MAX * this.#intervalMs) / 1_000;
    this.#points = [...this.#points.filter(({ at }) => at > oldest), point].slice(-POINTS_MAX);
    for (const viewer of this.#viewers) viewer(moment);
  }

  close(): void {
    this.#viewers.clear();
    clearTimeout(this.#timer);
  }
}
