import {
  type Argon2Parameters,
  argon2,
  createHmac,
  randomBytes,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";

// OWASP's least for argon2id: 19 MiB, 2 passes, 1 lane; about 20 ms of one core, off the main thread.
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const hashBytes = 32;
const saltBytes = 16;
// A users file must not be able to ask for all memory.
const mostMemoryKiB = 1_048_576;

const derive = promisify(argon2);
const deriveScrypt = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** A password as `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, with a random salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive("argon2id", argon2Input(Buffer.from(password), salt, cost, hashBytes));
  const settings = `m=${cost.memory},t=${cost.passes},p=${cost.parallelism}`;
  return `$argon2id$v=19$${settings}$${encode(salt)}$${encode(hash)}`;
}

/** Reads `$argon2id$v=19$m=…,t=…,p=…$salt$hash` or `$scrypt$ln=…,r=…,p=…$salt$hash`; null if it is neither. */
export function parseHash(text: string): PasswordHash | null {
  const parts =
    /^\$(argon2id\$v=19|scrypt)\$([a-z]+)=(\d{1,7}),([a-z])=(\d{1,3}),p=(\d{1,3})\$([\w+/-]+)\$([\w+/-]+)$/.exec(text);
  if (parts === null) return null;
  const [, kind, firstName, first, secondName, second, lanes, saltText = "", hashText = ""] = parts;
  const salt = Buffer.from(saltText, "base64");
  const hash = Buffer.from(hashText, "base64");
  const [a, b, parallelism] = [Number(first), Number(second), Number(lanes)];
  if (salt.length < 8 || hash.length < 16 || b < 1 || parallelism < 1) return null;
  if (kind === "scrypt") {
    if (firstName !== "ln" || secondName !== "r" || a < 1 || a > 20 || 2 ** a * b * 0.128 > mostMemoryKiB) return null;
    return { kind: "scrypt", costLog2: a, blockSize: b, parallelism, salt, hash };
  }
  if (firstName !== "m" || secondName !== "t" || a < 8 * parallelism || a > mostMemoryKiB) return null;
  return { kind: "argon2id", memory: a, passes: b, parallelism, salt, hash };
}

/** Whether a password belongs to a hash. Takes the same time whether it does or not. */
export async function verifyPassword(password: Buffer, expected: PasswordHash): Promise<boolean> {
  const { salt, hash } = expected;
  if (expected.kind === "argon2id") {
    return timingSafeEqual(await derive("argon2id", argon2Input(password, salt, expected, hash.length)), hash);
  }
  const { costLog2, blockSize: r, parallelism: p } = expected;
  const maxmem = 256 * 2 ** costLog2 * r;
  return timingSafeEqual(await deriveScrypt(password, salt, hash.length, { N: 2 ** costLog2, r, p, maxmem }), hash);
}

/** Whether two secrets are equal, in a time that tells neither their content nor their length. */
export function equalSecrets(a: Buffer, b: Buffer): boolean {
  const key = randomBytes(hashBytes);
  return timingSafeEqual(createHmac("sha256", key).update(a).digest(), createHmac("sha256", key).update(b).digest());
}

function argon2Input(
  message: Buffer,
  nonce: Buffer,
  set: typeof cost | Argon2Cost,
  tagLength: number,
): Argon2Parameters {
  return { message, nonce, parallelism: set.parallelism, memory: set.memory, passes: set.passes, tagLength };
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}

interface Argon2Cost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

export type PasswordHash = { readonly salt: Buffer; readonly hash: Buffer } & (
  | ({ readonly kind: "argon2id" } & Argon2Cost)
  | { readonly kind: "scrypt"; readonly costLog2: number; readonly blockSize: number; readonly parallelism: number }
);
