import { type Field, quote, type Reader } from "./fields.ts";
import type { DeclaredRules, SiteRule } from "./model.ts";

const modes = ["on", "shadow", "off"] as const;

/** The `rules` block of a site file: thresholds and modes of this site. Without declared rules names are not checked. */
export const readRules = (
  reader: Reader,
  at: Field,
  declared: DeclaredRules | undefined,
): Readonly<Record<string, SiteRule>> | null => {
  const rules = reader.map(at, declared === undefined ? reader.keys(at) : Object.keys(declared));
  if (rules === null) return null;
  const changed: Record<string, SiteRule> = {};
  for (const id of reader.keys(at)) {
    const ruleAt = rules.get(id);
    const fields = ruleAt === null ? null : reader.map(ruleAt, ["mode", "parameters"]);
    if (fields === null) continue;
    const mode = reader.optional<(typeof modes)[number] | null>(fields, "mode", null, (field) =>
      reader.choice(field, modes),
    );
    const parameters: Record<string, number> = {};
    const valuesAt = fields.get("parameters");
    const rule = declared?.[id];
    const known = rule?.parameters;
    if (valuesAt !== null && known !== undefined && known.length === 0)
      reader.fault(valuesAt, `rule ${quote(id)} has no parameters`);
    else if (valuesAt !== null) {
      const values = reader.map(valuesAt, known ?? reader.keys(valuesAt));
      for (const name of reader.keys(valuesAt)) {
        const valueAt = values?.get(name) ?? null;
        const value = valueAt === null ? null : reader.number(valueAt, {});
        if (value !== null) parameters[name] = value;
      }
      for (const { parameter, message } of rule?.refuse?.(parameters) ?? [])
        reader.fault((parameter === null ? null : values?.get(parameter)) ?? valuesAt, message);
    }
    changed[id] = { ...(mode === null ? {} : { mode }), parameters };
  }
  return changed;
};
