/**
 * Remembers a fact about each sale, by the name of the sale. A sale that was removed may be put on again under its name. It has
 * another lottery and other keys then, so the facts about the first one are forgotten, also if nobody saw that it was gone.
 */

export interface CreatedSale {
  readonly sale: string;
  /** Tells sales of the same name apart. */
  readonly createdAt: Date;
}

export class SaleMemory<Fact> {
  readonly #facts = new Map<string, Fact>();
  #createdAtMs = new Map<string, number>();

  /** @param sales all that there are */
  keepOnly(sales: readonly CreatedSale[]): void {
    const there = new Map(sales.map(({ sale, createdAt }) => [sale, createdAt.getTime()]));
    for (const sale of this.#facts.keys()) {
      if (there.get(sale) !== this.#createdAtMs.get(sale)) this.#facts.delete(sale);
    }
    this.#createdAtMs = there;
  }

  get(sale: string): Fact | undefined {
    return this.#facts.get(sale);
  }

  /** Remembers the answer, unless it comes so late that the name is that of another sale. */
  async learn(sale: string, ask: () => Promise<Fact | undefined>): Promise<void> {
    const createdAtMs = this.#createdAtMs.get(sale);
    const fact = await ask();
    if (fact === undefined || this.#createdAtMs.get(sale) !== createdAtMs) return;
    this.#facts.set(sale, fact);
  }
}
