import type { Json, Ledger, LedgerChange, Timestamp } from "#store";
import type { SiteModel } from "./model.ts";
import { versionsOf } from "./validity.ts";

// A site file that changes must not take away what older accounts were made with.
const modelKind = "energy/model";

/** What commits each model of a site under its revision with its first accounts; nothing for those kept already. */
export const keepModel = async (ledger: Ledger, site: SiteModel, at: number): Promise<readonly LedgerChange[]> => {
  const changes: LedgerChange[] = [];
  for (const { versions: _others, ...model } of versionsOf(site)) {
    const key = `${model.id}/${model.revision}`;
    if ((await ledger.get(modelKind, key)) !== null) continue;
    const body = JSON.parse(JSON.stringify(model)) as Json;
    changes.push({ op: "put", kind: modelKind, key, site: model.id, ts: at as Timestamp, body });
  }
  return changes;
};

/** The model that an account names; null when it was made before models were kept. */
export const keptModel = async (ledger: Ledger, site: string, revision: string): Promise<SiteModel | null> => {
  const row = await ledger.get(modelKind, `${site}/${revision}`);
  return row === null ? null : (row.body as unknown as SiteModel);
};
