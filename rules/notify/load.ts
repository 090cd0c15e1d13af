import { readFile } from "node:fs/promises";
import type { RulesCode } from "../codes.ts";
import type { RuleFault } from "../rule-places.ts";
import { type NotifyPlan, parseNotifyPlan } from "./plan.ts";

/** The notification file with every fault in it; null without a file. Files of secrets are looked at too. */
export const loadNotifyPlan = async (
  file?: string,
): Promise<
  | { readonly ok: true; readonly plan: NotifyPlan | null }
  | { readonly ok: false; readonly code: RulesCode; readonly faults: readonly RuleFault[] }
> => {
  if (file === undefined) return { ok: true, plan: null };
  const refused = (faults: readonly RuleFault[]) => ({
    ok: false as const,
    code: "RULES_FILE_INVALID" as const,
    faults,
  });
  const read = (path: string): Promise<string | Error> =>
    readFile(path, "utf8").catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  const source = await read(file);
  if (source instanceof Error) return refused([{ file, line: 1, column: 1, message: source.message }]);
  const parsed = parseNotifyPlan(source, file);
  if (!parsed.ok) return refused(parsed.faults);
  const faults: RuleFault[] = [];
  for (const channel of parsed.plan.channels) {
    if (!("secret_file" in channel) || channel.secret_file === undefined) continue;
    const secret = await read(channel.secret_file);
    const line = source.split("\n").findIndex((text) => text.includes(channel.secret_file ?? "\n")) + 1;
    if (secret instanceof Error) faults.push({ file, line: Math.max(1, line), column: 1, message: secret.message });
  }
  return faults.length > 0 ? refused(faults) : { ok: true, plan: parsed.plan };
};
