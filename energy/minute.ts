import type { Account } from "./account.ts";
import { accountWindow } from "./close.ts";
import type { SiteModel } from "./model.ts";
import type { SamplesByPoint, WindowLimits } from "./node-account.ts";
import { modelAt, samplesUnder } from "./validity.ts";

const minuteMs = 60_000;

/** The account of one minute, under the model that was in force then. */
export const accountMinute = (
  site: SiteModel,
  minute: number,
  columns: SamplesByPoint,
  limits: WindowLimits,
): Account => {
  const model = modelAt(site, minute);
  const window = { step: "1m" as const, start: minute, end: minute + minuteMs };
  const around = { from: minute - limits.bridgeMs, to: window.end + limits.bridgeMs };
  return accountWindow(model, window, samplesUnder(site, model, columns, around), limits);
};
