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
    // A store that is back is reported the same way as one that went away, but it is no error.
    onError: (error, at) =>
      log[at.code.endsWith("_BACK") ? "info" : "error"](
        { ...at, err: error },
        error instanceof Error ? error.message : String(error),
      ),
  };
}
