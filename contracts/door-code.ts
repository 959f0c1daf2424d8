import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

/**
 * The codes of numbered units that are checked at the door (docs/decisions/0075). A code is made of digits alone: a hand
 * scanner types digits alike on every keyboard, and a QR code packs three of them into ten bits. Everything here is pure.
 *
 *     version 1 · key of the sale 10 · order 19 · position of the unit 6 · signature 155
 */

const VERSION = '1';
const KEY_DIGITS = 10;
const ORDER_DIGITS = 19;
const POSITION_DIGITS = 6;
const SIGNATURE_BYTES = 64;
/** So many digits has the largest number of 64 bytes. */
const SIGNATURE_DIGITS = 155;
const FORM = new RegExp(
  `^${VERSION}(\\d{${KEY_DIGITS}})(\\d{${ORDER_DIGITS}})(\\d{${POSITION_DIGITS}})(\\d{${SIGNATURE_DIGITS}})$`,
);
/** The purpose of the signature: no other text that the key might sign is a code. */
const PURPOSE = 'flashsale door code ';
/** The head of a private Ed25519 key in PKCS #8, before its seed (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The claim of a code: this order has this unit. */
export interface DoorClaim {
  readonly orderNo: string;
  /** Of the unit in its SKU. */
  readonly position: number;
}

export interface DoorKey {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

export interface DoorCode extends DoorClaim {
  /** Digits; those of `doorKeyId`. */
  readonly keyId: string;
  readonly signed: string;
  readonly signature: Buffer;
}

/** @param seed 32 bytes */
export function doorKeyOf(seed: Buffer): DoorKey {
  const der = Buffer.concat([PKCS8_HEAD, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: Buffer.from(x, 'base64url') };
}

/** Tells the keys of sales apart. Whether a code is genuine only its signature tells. */
export function doorKeyId(publicKey: Buffer): string {
  const id = createHash('sha256').update(publicKey).digest().readUInt32BE();
  return String(id).padStart(KEY_DIGITS, '0');
}

/** The same key and claim have the same code, whenever it is asked for: Ed25519 needs no random number. */
export function doorCode({ privateKey, publicKey }: DoorKey, claim: DoorClaim): string {
  const order = claim.orderNo.padStart(ORDER_DIGITS, '0');
  const position = String(claim.position).padStart(POSITION_DIGITS, '0');
  const signed = VERSION + doorKeyId(publicKey) + order + position;
  const signature = sign(null, Buffer.from(PURPOSE + signed), privateKey);
  const digits = String(BigInt(`0x${signature.toString('hex')}`)).padStart(SIGNATURE_DIGITS, '0');
  return signed + digits;
}

/** Reads a code without checking its signature; undefined if the text is no code of this version. */
export function readDoorCode(text: string): DoorCode | undefined {
  const [, keyId = '', order = '', position = '', digits = ''] = FORM.exec(text) ?? [];
  if (keyId === '') return undefined;
  const hex = BigInt(digits)
    .toString(16)
    .padStart(2 * SIGNATURE_BYTES, '0');
  if (hex.length > 2 * SIGNATURE_BYTES) return undefined;
  return {
    keyId,
    orderNo: String(BigInt(order)),
    position: Number(position),
    signed: text.slice(0, -SIGNATURE_DIGITS),
    signature: Buffer.from(hex, 'hex'),
  };
}

/** @param publicKey 32 bytes */
export function isGenuine({ signed, signature }: DoorCode, publicKey: Buffer): boolean {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return verify(null, Buffer.from(PURPOSE + signed), key, signature);
}
