import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { storeSchema } from "../config.ts";
import { createMemoryLedger } from "../memory/index.ts";
import { type ReadingsUnderTest, readingsSuite } from "../readings.suite.ts";
import type { Readings } from "../readings.ts";
import { openHere } from "./here.ts";
import { openInflux } from "./index.ts";
import { type Influxd, influxdIsThere, startInfluxd } from "./influxd.ts";

describe.skipIf(!influxdIsThere())("a real InfluxDB", () => {
  let influxd: Influxd;
  let databases = 0;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  const open = async (
    from: "thread" | "here" | "reader",
    sent: "sent" | "not yet sent",
  ): Promise<ReadingsUnderTest> => {
    const dir = await mkdtemp(join(tmpdir(), "wattlas-influx-"));
    const settings = storeSchema.parse({ STORE_URL: influxd.url(`suite${++databases}`), DATA_DIR: dir });
    const ledger = createMemoryLedger();
    const errors: unknown[] = [];
    const openAs = (role: "writer" | "reader") => {
      const deps = { role, ledger, onError: (error: unknown) => errors.push(error) };
      return from === "here"
        ? openHere(settings, { ...deps, now: () => 1_780_000_000_000 })
        : openInflux(settings, deps);
    };
    let close = async () => {};
    const openBoth = async (): Promise<Readings> => {
      const writer = await openAs("writer");
      if (from !== "reader") {
        close = async () => {
          await writer[Symbol.asyncDispose]();
        };
        return writer;
      }
      const reader = await openAs("reader");
      close = async () => {
        await reader[Symbol.asyncDispose]();
        await writer[Symbol.asyncDispose]();
      };
      return { ...reader, write: writer.write, prune: writer.prune };
    };
    const readings = await openBoth();
    const allSent = async () => {
      await vi.waitFor(async () => expect((await readings.health()).pendingReadings).toBe(0), {
        interval: 5,
        timeout: 60_000,
      });
    };
    return {
      readings,
      ...(sent === "sent" && { settled: allSent }),
      reopen: async () => {
        await close();
        return openBoth();
      },
      dispose: async () => {
        await close();
        await rm(dir, { recursive: true, force: true });
        if (errors.length > 0) throw new AggregateError(errors, "background errors");
      },
    };
  };

  readingsSuite("InfluxDB, from the spool and the server", () => open("thread", "not yet sent"));
  readingsSuite("InfluxDB, once everything is sent", () => open("here", "sent"));
  readingsSuite("InfluxDB, seen by a reader", () => open("reader", "sent"));
});
