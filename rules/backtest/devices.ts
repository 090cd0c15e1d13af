import type { SiteModel } from "#energy";
import type { Readings } from "#store";
import { plantQuantities } from "../plant.ts";
import { supplyKinds } from "../present.ts";
import type { Rule } from "../rule.ts";
import { derivedValue } from "../vocabulary.ts";

// More of them, and one sweep over all is cheaper.
const mostDevices = 200;

/**
 * Whose readings a run of rules depends on; null for everybody's. Rules that are tried on readings get all, so that the
 * site's clock moves as it did; rules on accounts need those that silence them, the supply mode, and what they read
 * beside the account.
 */
export const devicesFor = async (
  model: SiteModel,
  rules: readonly Rule[],
  tried: readonly Rule[],
  { readings }: { readonly readings: Readings },
): Promise<readonly string[] | null> => {
  if (tried.some(({ on }) => on === "reading")) return null;
  const quantities = new Set<string>();
  const wanted = new Set<string>();
  for (const rule of rules) {
    if (rule.inputs.includes("lag_s") || rule.inputs.includes("age_s")) return null;
    for (const { device } of rule.points) wanted.add(device);
    for (const input of [...rule.inputs, ...rule.needs])
      if (rule.on === "account") for (const quantity of beside(input)) quantities.add(quantity);
      else if (rule.subject === "device") quantities.add(derivedValue(input)?.quantity ?? input);
    if (rule.on === "reading" && rule.subject !== "device")
      for (const { kind, points } of model.nodes)
        if (supplyKinds.includes(kind) || rule.subject === "node") for (const { device } of points) wanted.add(device);
  }
  for (const { device, quantities: own } of await readings.devices(model.id))
    if (own.some((quantity) => quantities.has(quantity))) wanted.add(device);
  return wanted.size > mostDevices ? null : [...wanted].sort();
};

const beside = (input: string): readonly string[] => {
  if (input === "outdoor_c" || input === "pue_baseline" || input === "pue_sigma") return ["outdoor_c"];
  if (input === "inlet_max_c" || input === "room_rise_c") return ["inlet_c"];
  return input === "node_util_pct" ? ["util_pct"] : plantQuantities(input);
};
