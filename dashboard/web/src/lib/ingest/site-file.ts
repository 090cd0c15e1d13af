// A first site file for devices that no model knows. Kinds are guesses from names and quantities, and the file says so.
import type { DeviceWire, NodeKind } from "#lib/wire.ts";

const patterns: readonly (readonly [RegExp, NodeKind])[] = [
  [/pv|solar|roof|inverter/i, "pv"],
  [/wind|turbine/i, "wind"],
  [/gen(set|erator)?[-_.\d]|diesel/i, "genset"],
  [/bess|batter|storage/i, "battery"],
  [/pcc|grid|utility|main|incomer|feeder/i, "grid"],
  [/cool|chill|crac|crah|hvac|pump|cdu/i, "cooling"],
  [/ups/i, "ups"],
  [/light/i, "lighting"],
];

export const guessKind = ({ device, quantities }: Pick<DeviceWire, "device" | "quantities">): NodeKind =>
  quantities.includes("soc_pct") ? "battery" : (patterns.find(([pattern]) => pattern.test(device))?.[1] ?? "it");

const codes: Readonly<Partial<Record<NodeKind, string>>> = {
  grid: "MP.PCC",
  pv: "MP.PV",
  wind: "MP.WIND",
  genset: "MP.GEN",
  battery: "MP.BESS",
  it: "MP.IT.IN",
  cooling: "MP.COOL",
  ups: "MP.UPS.IN",
  lighting: "MP.LIGHT",
};

const nodeLines = (device: DeviceWire, index: number): string[] => {
  const kind = guessKind(device);
  const has = (quantity: string): boolean => device.quantities.includes(quantity);
  const produces = kind === "pv" || kind === "wind";
  const forward = produces || kind === "battery" ? "energy_export_wh" : "energy_import_wh";
  const reverse = forward === "energy_export_wh" ? "energy_import_wh" : "energy_export_wh";
  const register = has(forward) ? forward : produces && has("energy_import_wh") ? "energy_import_wh" : null;
  return [
    `  - id: ${device.device}`,
    `    kind: ${kind}`,
    ...(kind === "battery" ? ["    capacity_wh: 100_000          # put the real capacity here"] : []),
    "    points:",
    `      - code: ${codes[kind] ?? "MP.MISC"}.${index + 1}`,
    `        device: ${device.device}`,
    ...(has("power_w") ? [] : ["        power: null"]),
    ...(register === null ? [] : [`        energy_forward: ${register}`]),
    ...((kind === "grid" || kind === "battery") && has(reverse) ? [`        energy_reverse: ${reverse}`] : []),
    ...(has("soc_pct") ? ["        soc: soc_pct"] : []),
  ];
};

/** Only devices that measure power or energy become nodes. */
export const isMetered = ({ quantities }: Pick<DeviceWire, "quantities">): boolean =>
  quantities.some((name) => ["power_w", "energy_import_wh", "energy_export_wh"].includes(name));

/** Lines for the `nodes:` of a site file that is there already. */
export const siteAddition = (site: string, devices: readonly DeviceWire[]): string =>
  [
    `# Generated from what these devices sent: put it under nodes: in the site file of ${site}.`,
    "# Kinds are guesses: check every line, and give a rack below a metered hall its parent.",
    ...devices.filter(isMetered).flatMap(nodeLines),
    "",
  ].join("\n");

/** YAML for `ENERGY_SITES_DIR`. */
export const siteFile = (site: string, devices: readonly DeviceWire[], timeZone: string): string => {
  const metered = devices.filter(isMetered);
  const seenW = metered.reduce((sum, { latest }) => sum + Math.abs(latest.power_w?.value ?? 0), 0);
  const ratingW = Math.max(10_000, Math.ceil((2 * seenW) / 10_000) * 10_000);
  return [
    "# Generated from what these devices sent. Kinds and ratings are guesses: check every line,",
    "# then put the file into ENERGY_SITES_DIR and start Wattlas again.",
    `site: ${site}`,
    `name: ${site}`,
    `time_zone: ${timeZone}`,
    "currency: CNY",
    `bus_rating_w: ${ratingW}`,
    "nodes:",
    ...metered.flatMap(nodeLines),
    "",
  ].join("\n");
};
