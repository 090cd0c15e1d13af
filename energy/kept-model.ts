import type { Json, Ledger, LedgerChange, Timestamp } from "#store";
import type { SiteModel } from "./model.ts";

// A site file that changes must not take away what older accounts were made with.
const modelKind = "energy/model";

/** What commits the model under its revision with the first accounts made with it; nothing when it is kept already. */
export const keepModel = async (ledger: Ledger, model: SiteModel, at: number): Promise<readonly LedgerChange[]> => {
  const key = `${model.id}/${model.revision}`;
  if ((await ledger.get(modelKind, key)) !== null) return [];
  const body = JSON.parse(JSON.stringify(model)) as Json;
  return [{ op: "put", kind: modelKind, key, site: model.id, ts: at as Timestamp, body }];
};

/** The model that an account names; null when it was made before models were kept. */
export const keptModel = async (ledger: Ledger, site: string, revision: string): Promise<SiteModel | null> => {
  const row = await ledger.get(modelKind, `${site}/${revision}`);
  return row === null ? null : (row.body as unknown as SiteModel);
};
