/**
 * Returns a function that draws a number from 0 to `count - 1`, where the k-th is drawn with a share of
 * 1 / k^exponent. With the exponent 0 all are drawn equally often.
 */
export function zipf(count: number, exponent: number, random: () => number): () => number {
  if (exponent === 0) return () => Math.floor(random() * count);
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    sum += (index + 1) ** -exponent;
    upTo[index] = sum;
  }
  return () => {
    const drawn = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] ?? sum) <= drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
