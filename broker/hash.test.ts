import { expect, test } from "vitest";
import { equalSecrets, hashPassword, parseHash, verifyPassword } from "./hash.ts";

// RFC 7914 §12, third vector, and phc-winner-argon2's own: password "password", salt "somesalt".
const scryptVector = `$scrypt$ln=14,r=8,p=1$${b64("SodiumChloride")}$${Buffer.from(
  "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
  "hex",
).toString("base64")}`.replaceAll("=", (sign, at: number, all: string) => (at > all.length - 3 ? "" : sign));
const argonVector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

test("a password belongs to its hash and to no other", async () => {
  const hash = await hashPassword("a long enough password");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(await verify("a long enough password", hash)).toBe(true);
  expect(await verify("a long enough passwore", hash)).toBe(false);
  expect(await verify("", hash)).toBe(false);
});

test("two hashes of one password differ", async () => {
  expect(await hashPassword("same")).not.toBe(await hashPassword("same"));
});

test("published vectors of argon2id and scrypt hold", async () => {
  expect(await verify("password", argonVector)).toBe(true);
  expect(await verify("pleaseletmein", scryptVector)).toBe(true);
  expect(await verify("pleaseletmeout", scryptVector)).toBe(false);
});

test("what is not a hash, or a hash that would take all memory, is not read", () => {
  for (const text of [
    "",
    "password",
    "$2b$10$abcdefghijklmnopqrstuv",
    argonVector.replace("m=65536", "m=9999999"),
    argonVector.replace("t=2", "t=0"),
    argonVector.replace("p=1", "p=0"),
    argonVector.replace("c29tZXNhbHQ", "YQ"),
    argonVector.replace("argon2id", "argon2i"),
    scryptVector.replace("ln=14", "ln=30"),
    scryptVector.replace("ln=14", "m=14"),
    `${argonVector}$x`,
  ]) {
    expect([text, parseHash(text)]).toEqual([text, null]);
  }
});

test("secrets are equal only when all of them is", () => {
  expect(equalSecrets(Buffer.from("abc"), Buffer.from("abc"))).toBe(true);
  expect(equalSecrets(Buffer.from("abc"), Buffer.from("abcd"))).toBe(false);
  expect(equalSecrets(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
});

async function verify(password: string, text: string): Promise<boolean> {
  const hash = parseHash(text);
  if (hash === null) throw new Error(`not a hash: ${text}`);
  return await verifyPassword(Buffer.from(password), hash);
}

function b64(text: string): string {
  return Buffer.from(text).toString("base64").replaceAll("=", "");
}
