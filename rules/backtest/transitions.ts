import { type Ledger, timestamp } from "#store";
import type { Alert } from "../alert.ts";
import { alertKind, readAlert } from "../record.ts";

const pageRows = 1000;

/** Each revision of the alerts of a site that began in `[from, to)`, alert by alert; `rules`: of those only. */
export const transitionsOf = async (
  ledger: Pick<Ledger, "list" | "history">,
  { site, from, to, rules = null }: TransitionsQuery,
): Promise<readonly Alert[]> => {
  const found: Alert[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Ledger["list"]>> = await ledger.list({
      ...{ kind: alertKind, site, from: timestamp(Math.max(0, from)), to: timestamp(to), limit: pageRows },
      ...(cursor === null ? {} : { cursor }),
    });
    for (const row of page.items) {
      if (rules !== null && !rules.has(readAlert(row)?.rule ?? "")) continue;
      for (const one of await ledger.history(alertKind, row.key))
        found.push(...[readAlert(one)].filter((alert) => alert !== null));
    }
    cursor = page.next;
  } while (cursor !== null);
  return found;
};

export interface TransitionsQuery {
  readonly site: string;
  /** On the site's clock, UTC ms. */
  readonly from: number;
  readonly to: number;
  readonly rules?: ReadonlySet<string> | null;
}
