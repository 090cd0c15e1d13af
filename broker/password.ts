// node broker/password.ts < password.txt: prints the hash of one password for the users file.
import { text } from "node:stream/consumers";
import { hashPassword } from "./hash.ts";

// OWASP ASVS 5.0, 6.2.1
const leastCharacters = 8;

const password = (await text(process.stdin)).replace(/\r?\n$/, "");
if (password.length < leastCharacters || /[\r\n]/.test(password)) {
  process.stderr.write(
    `expected one line with a password of at least ${leastCharacters} characters on standard input\n`,
  );
  process.exitCode = 1;
} else {
  process.stdout.write(`${await hashPassword(password)}\n`);
}
