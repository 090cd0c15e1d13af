import pino from "pino";
import type { OnError } from "./desk.ts";
import type { Settings } from "./settings.ts";

/** The log on standard error, and the one sink of background faults. */
export function createLog(level: Settings["deploy"]["DEPLOY_LOG"]): {
  readonly log: pino.Logger;
  readonly onError: OnError;
} {
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  return {
    log,
    onError: (error, at) => log.error({ ...at, err: error }, error instanceof Error ? error.message : String(error)),
  };
}
