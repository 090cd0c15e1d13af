import { createHash } from "node:crypto";
import { type Json, type Ledger, type LedgerChange, timestamp } from "#store";
import type { RuleSummary } from "../rules.ts";

export const ruleKind = "rule";

/** What a rule was from a moment on: its text and whether it tells. Ledger kind `rule`, key = id; a change is a revision. */
export interface RuleEntry extends Pick<RuleSummary, "id" | "version" | "mode" | "origin" | "source"> {
  readonly hash: string;
}

const removed = "removed";

/** Rows for every rule that is new, changed or gone since the log was written; none when all are as they were. */
export const ruleChanges = async (
  ledger: Ledger,
  rules: readonly RuleSummary[],
  at: number,
): Promise<readonly LedgerChange[]> => {
  const put = (key: string, body: unknown): LedgerChange => ({
    op: "put",
    kind: ruleKind,
    key,
    site: "",
    ts: timestamp(at),
    body: body as Json,
  });
  const known = new Map((await ledger.list({ kind: ruleKind, limit: 10_000 })).items.map((row) => [row.key, row.body]));
  const changes: LedgerChange[] = [];
  for (const { id, version, mode, origin, source } of rules) {
    const hash = createHash("sha256")
      .update(JSON.stringify([version, mode, source]))
      .digest("hex");
    const before = known.get(id) as unknown as RuleEntry | typeof removed | undefined;
    known.delete(id);
    if (typeof before === "object" && before.hash === hash) continue;
    changes.push(put(id, { id, version, mode, origin, source, hash } satisfies RuleEntry));
  }
  for (const [id, before] of known) if (before !== removed) changes.push(put(id, removed));
  return changes;
};
