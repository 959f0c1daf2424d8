import type { IncomingMessage } from 'node:http';
import type { NumberedUnit } from '../../contracts/seats.ts';
import { Problem, type Refusal } from '../http/problems.ts';
import { PurchaseBody } from '../http/schemas.ts';
import { compileValidator } from '../http/validation.ts';

/**
 * Reads and checks the body of a purchase. The key `__proto__` needs no special care: the schema
 * refuses every key that it does not know.
 */

/** A purchase is little more than a quantity, so this is plenty. */
const BODY_BYTES_MAX = 2_048;
/** As many seats as a user may hold, in rows with long names. The edge takes no more. */
const SEATS_BYTES_MAX = 16_384;

export interface Purchase {
  readonly quantity: number;
  readonly acceptFewer?: boolean;
  /** The numbered units that the shopper has chosen, as many as `quantity`. */
  readonly seats?: readonly NumberedUnit[];
  /** Their positions. Not set before the step `chosen`. */
  readonly positions?: readonly number[];
}

interface Body extends Omit<Purchase, 'quantity'> {
  readonly quantity?: number;
}

const isPurchaseBody = compileValidator({ schema: PurchaseBody });

export function purchaseOf(body: unknown): Purchase | Refusal {
  if (!isPurchaseBody(body)) {
    const [error] = isPurchaseBody.errors ?? [];
    const place = `body${error?.instancePath ?? ''}`;
    return bad(`${place} ${error?.message ?? 'is not understood'}`);
  }
  const { seats, quantity = seats?.length, acceptFewer } = body as Body;
  if (quantity === undefined) return bad("body must have required property 'quantity'");
  if (seats === undefined) return body as Purchase;
  if (quantity !== seats.length) return bad('quantity must be the number of seats, or be left out');
  if (acceptFewer !== undefined) return bad('acceptFewer does not go with seats');
  return { quantity, seats };
}

function bad(detail: string): Refusal {
  return { verdict: 'bad_request', detail };
}

const JSON_TYPE = /^application\/json *(;|$)/i;

/**
 * Reads the body. A body that is too long is refused as soon as this is known.
 *
 * @param mayNameSeats whether the goods are numbered
 * @throws {Problem} bad_request (400, 413, 415)
 */
export function readBody(request: IncomingMessage, mayNameSeats: boolean): Promise<unknown> {
  const bytesMax = mayNameSeats ? SEATS_BYTES_MAX : BODY_BYTES_MAX;
  const { 'content-type': type = '', 'content-length': length } = request.headers;
  if (!JSON_TYPE.test(type)) {
    throw new Problem('bad_request', { detail: 'The body must be application/json', status: 415 });
  }
  if (Number(length) > bytesMax) throw tooLarge(bytesMax);
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) reject(tooLarge(bytesMax));
      else chunks.push(chunk);
    });
    request.on('end', () => {
      try {
        const [only] = chunks;
        resolve(
          JSON.parse((chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString()),
        );
      } catch {
        reject(new Problem('bad_request', { detail: 'The body is not JSON' }));
      }
    });
    request.on('error', () => {
      reject(new Problem('bad_request', { detail: 'The body ended too early' }));
    });
  });
}

function tooLarge(bytesMax: number): Problem {
  return new Problem('bad_request', {
    detail: `The body must have at most ${bytesMax} bytes`,
    status: 413,
  });
}
