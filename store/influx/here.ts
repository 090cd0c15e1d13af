import { join } from "node:path";
import type { StoreSettings } from "../config.ts";
import type { StoreCode } from "../errors.ts";
import { StoreRefusedError } from "../errors.ts";
import type { Readings } from "../readings.ts";
import { createInstance, type HereDeps, type Instance } from "./instance.ts";
import { createReads } from "./reads.ts";
import { listSegments, readHead, readSent } from "./segment.ts";
import { openServer, parseInfluxUrl } from "./server.ts";
import { createView } from "./view.ts";
import { openWriter } from "./writer.ts";

/** The store in the calling thread: whoever only reads has it so, and the writer inside its own thread. */
export const openHere = async (settings: StoreSettings, deps: HereDeps): Promise<Readings> => {
  const address = parseInfluxUrl(settings.STORE_URL);
  const dir = join(settings.DATA_DIR, "spool");
  const onError = (error: unknown, code: StoreCode): void => deps.onError(error, { stage: "store", code });
  const server = openServer(address);
  const instance = createInstance({
    dir,
    server,
    gapMs: settings.STORE_GAP_MS,
    quotaBytes: settings.STORE_SPOOL_MB * 1_000_000,
    policy: settings.STORE_SPOOL_POLICY,
    onError,
  });
  if (deps.role === "reader") return openReader(instance);
  try {
    return await openWriter(deps, instance);
  } catch (error) {
    await instance.close();
    throw error;
  }
};

const openReader = (instance: Instance): Readings => {
  const { dir, server, gapMs, onDamage } = instance;
  const head = () => readHead(dir);
  const sentSeq = async () => (await readSent(dir)) ?? (await listSegments(dir))[0] ?? 0;
  const view = createView(dir, gapMs, { head, sentSeq }, onDamage);
  const reads = createReads({ server, view, sentSeq, gapMs });
  const refuse = async (): Promise<never> => {
    throw new StoreRefusedError("this instance of the store only reads", { code: "STORE_IN_USE" });
  };
  return {
    ...instance.answers({ view, reads, head, sentSeq, full: () => false, dropped: () => 0 }),
    write: refuse,
    prune: refuse,
    [Symbol.asyncDispose]: () => instance.close(),
  };
};
