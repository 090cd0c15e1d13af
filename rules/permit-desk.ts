import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Json, type LedgerChange, timestamp } from "#store";
import { parseCommand, refuse } from "./command.ts";
import type { DeskDeps } from "./desk.ts";
import type { Permit } from "./permit.ts";
import { auditKind } from "./record.ts";
import type { ClosePermitCommand, OpenPermitCommand, PermitResult } from "./rules.ts";

/** Key = id, `ts` = beginning; opened and closed are revisions. */
export const permitKind = "permit";
const person = z.string().trim().min(1).max(200);
const openShape = z.strictObject({
  site: z.string().min(1).max(64),
  node: z.string().min(1).max(64),
  by: person,
  reason: z.string().trim().min(1).max(2000),
  until: z.number().int().positive(),
});
const closeShape = z.strictObject({ id: z.string().min(1).max(64), by: person });

type PermitDeps = Pick<DeskDeps, "watches" | "now" | "run" | "record"> & {
  /** Whether the watched site has a node of that name. */
  readonly hasNode: (site: string, node: string) => boolean;
};

/** Nodes isolated on purpose: opened with a reason and a time, closed by name; each an audit row. */
export const createPermitDesk = ({ watches, hasNode, now, run, record }: PermitDeps) => {
  const keep = async (permit: Permit, who: string, what: string, wall: number): Promise<PermitResult> => {
    const alerts = watches.get(permit.site)?.permit(permit, wall) ?? [];
    const rows: LedgerChange[] = [
      {
        op: "put",
        kind: permitKind,
        key: permit.id,
        site: permit.site,
        ts: timestamp(permit.from),
        body: permit as unknown as Json,
      },
      {
        op: "put",
        kind: auditKind,
        key: `${permit.id}/${wall}/${what}`,
        site: permit.site,
        ts: timestamp(wall),
        body: {
          who,
          what,
          said: permit.reason,
          at: wall,
          permit: permit.id,
          subject: permit.node,
          until: permit.until,
        },
      },
    ];
    await record(alerts, [permit.site], rows);
    return { ok: true, permit };
  };
  return {
    /** Newest first; those that were closed more than two hours ago are in the ledger alone. */
    permits: (site?: string): Promise<readonly Permit[]> =>
      run(async () =>
        [...watches.values()]
          .filter((watch) => site === undefined || watch.site === site)
          .flatMap((watch) => watch.permits())
          .sort((a, b) => b.from - a.from),
      ),
    openPermit: async (input: OpenPermitCommand): Promise<PermitResult> => {
      const parsed = parseCommand(openShape, input);
      if (!parsed.ok) return parsed;
      const { site, node, by, reason, until } = parsed.command;
      return run(async (): Promise<PermitResult> => {
        const watch = watches.get(site);
        if (watch === undefined || !hasNode(site, node))
          return refuse("RULES_NODE_UNKNOWN", `there is no node "${node}" at the site "${site}"`);
        const from = watch.now() ?? now();
        if (until <= from) return refuse("RULES_COMMAND_INVALID", "until: must be after the site's present time");
        return keep({ id: randomUUID(), site, node, by, reason, from, until, closed: null }, by, "permit.open", now());
      });
    },
    closePermit: async (input: ClosePermitCommand): Promise<PermitResult> => {
      const parsed = parseCommand(closeShape, input);
      if (!parsed.ok) return parsed;
      const { id, by } = parsed.command;
      return run(async (): Promise<PermitResult> => {
        for (const watch of watches.values()) {
          const permit = watch.permits().find((one) => one.id === id);
          if (permit === undefined) continue;
          if (permit.closed !== null)
            return refuse("RULES_PERMIT_CLOSED", `the permit was closed by "${permit.closed.by}"`);
          return keep({ ...permit, closed: { by, at: watch.now() ?? now() } }, by, "permit.close", now());
        }
        return refuse("RULES_PERMIT_UNKNOWN", `there is no permit "${id}"`);
      });
    },
  };
};
