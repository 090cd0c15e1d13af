import { type DeviceSeen, findQuantity } from "#store";
import type { NodeKind } from "./model.ts";

/** A site file to begin with: what the devices of a site that no model knows could be. */
export interface SiteDraft {
  readonly site: string;
  readonly nodes: readonly DraftNode[];
  /** Devices without power or energy, by what they publish. */
  readonly others: readonly { readonly device: string; readonly quantities: readonly string[] }[];
  readonly priceDevice: string | null;
  readonly carbonDevice: string | null;
  readonly work: readonly { readonly device: string; readonly quantity: string }[];
}

interface DraftNode {
  readonly device: string;
  readonly kind: NodeKind;
  readonly power: boolean;
  readonly forward: string | null;
  readonly reverse: string | null;
  readonly soc: boolean;
}

type Seen = Pick<DeviceSeen, "device" | "quantities">;

const words: readonly (readonly [RegExp, NodeKind])[] = [
  [/grid|pcc|util|main|mains|feeder/i, "grid"],
  [/pv|solar|roof|inverter/i, "pv"],
  [/wind|turbine/i, "wind"],
  [/gen(set|erator)?[-_.\d]|diesel/i, "genset"],
  [/bess|batt|storage|ess/i, "battery"],
  [/ups/i, "ups"],
  [/cool|chill|crac|crah|hvac|tower|pump/i, "cooling"],
  [/trafo|transformer|loss/i, "power-chain"],
  [/light/i, "lighting"],
];

const kindOf = ({ device, quantities }: Seen): NodeKind => {
  if (quantities.includes("soc_pct")) return "battery";
  return words.find(([pattern]) => pattern.test(device))?.[1] ?? "it";
};

/** Guesses a site file from the names and quantities of its devices; a person corrects it. */
export const draftSite = (site: string, devices: readonly Seen[]): SiteDraft => {
  const nodes: DraftNode[] = [];
  const others: Seen[] = [];
  for (const seen of [...devices].sort((a, b) => (a.device < b.device ? -1 : 1))) {
    const has = (name: string): boolean => seen.quantities.includes(name);
    if (!has("power_w") && !has("energy_import_wh") && !has("energy_export_wh")) {
      others.push({ device: seen.device, quantities: seen.quantities });
      continue;
    }
    const kind = kindOf(seen);
    const source = kind === "pv" || kind === "wind" || kind === "genset" || kind === "battery";
    const [generated, drawn] = ["energy_export_wh", "energy_import_wh"].map((name) => (has(name) ? name : null));
    // A source's own meter usually counts what it gives as export; one that only imports counts that.
    const forward = source ? (generated ?? drawn ?? null) : (drawn ?? generated ?? null);
    const other = source ? (drawn ?? null) : (generated ?? null);
    const reverse = (kind === "grid" || kind === "battery") && other !== forward ? other : null;
    nodes.push({
      device: seen.device,
      kind,
      power: has("power_w"),
      forward,
      reverse,
      soc: kind === "battery" && has("soc_pct"),
    });
  }
  const publisher = (quantity: string): string | null =>
    devices.find(({ quantities }) => quantities.includes(quantity))?.device ?? null;
  return {
    site,
    nodes,
    others,
    priceDevice: publisher("price_per_kwh"),
    carbonDevice: publisher("carbon_g_per_kwh"),
    work: devices.flatMap(({ device, quantities }) =>
      quantities
        .filter((name) => name.startsWith("work_") && findQuantity(name)?.kind === "counter")
        .map((quantity) => ({ device, quantity })),
    ),
  };
};

const quoted = (text: string): string => JSON.stringify(text);

const nodeLines = (node: DraftNode, id: string): string[] => [
  `  - id: ${quoted(id)}`,
  `    kind: ${node.kind} # guessed: grid pv wind genset battery ups it cooling power-chain lighting misc office thermal`,
  `    # rating_w: 10000 # fill in: the limit for counters, the load for current transformers`,
  ...(node.kind === "battery" ? ["    capacity_wh: 100000 # fill in", "    boundary: outside # or inside"] : []),
  "    points:",
  `      - code: ${codes[node.kind]}`,
  `        device: ${quoted(node.device)}`,
  `        power: ${node.power ? "power_w" : "null"}`,
  "        sign: 1 # -1 when plus means export, charge or nothing of import, generation, discharge, consumption",
  ...(node.forward === null ? [] : [`        energy_forward: ${node.forward}`]),
  ...(node.reverse === null ? [] : [`        energy_reverse: ${node.reverse}`]),
  ...(node.soc ? ["        soc: soc_pct"] : []),
];

const codes: Readonly<Record<NodeKind, string>> = {
  grid: "MP.PCC",
  pv: "MP.PV",
  wind: "MP.WIND",
  genset: "MP.GEN",
  battery: "MP.BESS",
  ups: "MP.UPS",
  it: "MP.IT.IN",
  cooling: "MP.COOL",
  "power-chain": "MP.LOSS",
  lighting: "MP.LIGHT",
  misc: "MP.MISC",
  office: "MP.MISC.OFFICE",
  thermal: "MP.HEAT.STORE",
};

/** The draft as a site file with comments; it parses without faults. */
export const formatSite = (draft: SiteDraft): string => {
  const ids = new Set<string>();
  const unique = (wanted: string): string => {
    let id = wanted;
    for (let count = 2; ids.has(id); count++) id = `${wanted.slice(0, 60)}-${count}`;
    ids.add(id);
    return id;
  };
  const hasGrid = draft.nodes.some((node) => node.kind === "grid");
  const nodes = draft.nodes.map((node) => ({ node, id: unique(node.device) }));
  const nodeOf = (device: string): string | undefined => nodes.find(({ node }) => node.device === device)?.id;
  const work = draft.work.flatMap(({ device, quantity }) => {
    const node = nodeOf(device);
    return node === undefined
      ? [`    # ${device} counts ${quantity}: name the node whose energy bought it`]
      : [
          `    - device: ${quoted(device)}`,
          `      quantity: ${quantity}`,
          `      workload: ${quoted(quantity)} # fill in: benchmark or service`,
          "      precision: unknown # fill in: FP32, FP16, FP8 …",
          `      node: ${quoted(node)}`,
        ];
  });
  const declared = work.some((line) => line.trimStart().startsWith("- "));
  return `${[
    "# Made from the devices that were seen. Check every guess, then put the file into ENERGY_SITES_DIR and restart.",
    `site: ${quoted(draft.site)}`,
    `name: ${quoted(draft.site)} # or { en: …, zh-CN: … }`,
    "time_zone: UTC # fill in: tz database name such as Asia/Shanghai",
    "currency: CNY # fill in",
    "bus_rating_w: 1000000 # fill in: rating of the site AC bus",
    "pue_category: 2 # IT energy measured at 1 UPS output, 2 PDU output, 3 IT input",
    "",
    "nodes:",
    ...(hasGrid
      ? []
      : [
          "  - id: grid-unmetered",
          "    kind: grid # no device looks like the grid connection; name its meter here",
          "    points: []",
        ]),
    ...nodes.flatMap(({ node, id }) => nodeLines(node, id)),
    ...draft.others.map(
      ({ device, quantities }) => `  # ${device} publishes ${quantities.join(", ")}: no power, not in the tree`,
    ),
    ...(draft.priceDevice === null
      ? []
      : [
          "",
          "tariff:",
          "  bands: # used while the price device is silent",
          '    - { from: "00:00", to: "24:00", period: flat, price_per_kwh: 0 } # fill in',
          `  device: ${quoted(draft.priceDevice)}`,
        ]),
    ...(draft.carbonDevice === null
      ? []
      : ["", "carbon:", "  default_g_per_kwh: 500 # fill in", `  device: ${quoted(draft.carbonDevice)}`]),
    ...(work.length === 0
      ? []
      : ["", declared ? "compute:" : "# compute:", declared ? "  work:" : "#   work:", ...work]),
  ].join("\n")}\n`;
};
