import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreRefusedError } from "../errors.ts";
import { isBusy } from "./fault.ts";

/** Holds an exclusive lock that the kernel gives back however the process ends. Throws `STORE_IN_USE` when another holds it. */
export const holdLock = (path: string): Disposable => {
  mkdirSync(dirname(path), { recursive: true });
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    if (!isBusy(cause)) throw cause;
    throw new StoreRefusedError(`${dirname(path)} is in use by another writer; stop it or set another DATA_DIR`, {
      code: "STORE_IN_USE",
      cause,
    });
  }
  return { [Symbol.dispose]: () => db.close() };
};
